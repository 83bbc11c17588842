// SPDX-License-Identifier: Apache-2.0
// Folders that a user names: made with those above them, or refused, also where Node.js tries for ever.
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeFolders } from '../../src/config/make-folders.ts';
import { apemu } from '../cli/fake-io.ts';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'apemu-folders-'));
  writeFileSync(join(dir, 'file'), '');
});
afterAll(() => rmSync(dir, { recursive: true }));

it('are made with those above them, and may be there already', () => {
  const path = join(dir, 'a/b/c');
  makeFolders(path, 0o700);
  makeFolders(path);
  expect([existsSync(path), statSync(join(dir, 'a')).mode & 0o777]).toEqual([true, 0o700]);
});

it.each([
  ['file', 'EEXIST'],
  ['file/below', 'ENOTDIR'],
  ['file/below/more', 'ENOTDIR'],
])('%s is refused with %s', (path, code) => {
  expect(() => makeFolders(join(dir, path))).toThrow(expect.objectContaining({ code }));
});

// A folder of Linux that takes no others: with mkdirSync and recursive this test does not come to its end.
it.runIf(existsSync('/proc/self'))('in /proc is refused, by the commands too', async () => {
  expect(() => makeFolders('/proc/apemu/x')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  const config = new URL('../../examples/two-guests.yaml', import.meta.url).pathname;
  const line = ['fuzz', config, '--driver', 'ap-bus', '--cases', '1', '--out', '/proc/apemu'];
  const { code, output, errors } = await apemu(line);
  expect([code, output]).toEqual([2, '']);
  expect(errors).toBe('apemu: cannot write /proc/apemu/corpus: ENOENT [APEMU_ERR_USAGE_SAVE]\n');
});
