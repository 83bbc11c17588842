// SPDX-License-Identifier: Apache-2.0
// Files that are not what a command expects: binary, endless, of a thousand mistakes, with control characters.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBytes, readText } from '../../src/config/text-file.ts';
import { apemu } from './fake-io.ts';

let dir = '';
const file = (name: string): string => join(dir, name);
const PROGRAM = new URL('../../examples/faults.ap', import.meta.url).pathname;
const CONFIG = new URL('../../examples/playground.yaml', import.meta.url).pathname;
const KIND = { name: 'list', code: 'APEMU_ERR_LIST', maxBytes: 1024 * 1024, maxLines: 1000 };

const FILES: readonly (readonly [string, string | Buffer])[] = [
  ['binary', Buffer.from('first line\n\x00\x01\xfe', 'latin1')],
  ['latin1', Buffer.from('apemu: 1\n# caf\xe9\n', 'latin1')],
  ['empty', ''],
  ['deep', `apemu: ${'['.repeat(20_000)}${']'.repeat(20_000)}`],
  ['wrong.ap', `apemu-program 1\n${'nonsense\n'.repeat(1000)}`],
  ['escape.ap', 'apemu-program 1\nAlice.0: tapq \x1b[31m\x9b\x07\n'],
  ['wide.ap', `apemu-program 1\nAlice.0: ${'x'.repeat(100_000)}\n`],
];

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'apemu-bad-'));
  for (const [name, content] of FILES) writeFileSync(file(name), content);
});
afterAll(() => rmSync(dir, { recursive: true }));

describe.each([
  ['run', ['run', '--stepped'], 3],
  ['exec', ['exec'], 3],
  ['exec --config', ['exec', PROGRAM, '--config'], 3],
  ['shell', ['shell'], 3],
  ['shell with a script', ['shell', CONFIG], 2],
  ['fuzz --self', ['fuzz', '--self'], 3],
  ['fuzz --driver', ['fuzz', '--driver', 'ap-bus'], 3],
  ['golden', ['golden'], 3],
  ['qemu', ['qemu'], 3],
])('apemu %s', (_what, command, exitCode) => {
  it.each(['binary', 'latin1', 'missing', '.', '/dev/zero'])(
    'refuses %s with its name, a code and no stack trace',
    async (name) => {
      const path = name.startsWith('/') ? name : file(name);
      const { code, output, errors } = await apemu([...command, path]);
      expect([code, output]).toEqual([exitCode, '']);
      expect(errors).toContain(path);
      expect(errors).toMatch(/ \[APEMU_ERR_[A-Z_]+\]\n$/);
      expect(errors).not.toMatch(/INTERNAL|\n {4}at /);
    },
  );
});

it('apemu run says of a file that is nested without measure what it may be', async () => {
  const { code, errors } = await apemu(['run', file('deep')]);
  expect(code).toBe(3);
  expect(errors).toMatch(/:1:\d+: the file is nested too deeply \(expected at most 64 levels\)/);
});

describe('readText', () => {
  it('says where a file stops being text', () => {
    expect(() => readText(file('binary'), KIND)).toThrow('the list is no text (expected UTF-8)');
    expect(() => readText(file('binary'), KIND)).toThrow(
      expect.objectContaining({ place: { file: file('binary'), line: 2, column: 1 } }),
    );
    expect(() => readText(file('latin1'), KIND)).toThrow(
      expect.objectContaining({ place: { file: file('latin1'), line: 2, column: 6 } }),
    );
    expect(readText(file('empty'), KIND)).toBe('');
  });

  it('takes as many bytes as its kind may have, and not one more', () => {
    writeFileSync(file('long'), Buffer.alloc(KIND.maxBytes, 'x'));
    expect(readBytes(file('long'), KIND)).toHaveLength(KIND.maxBytes);
    writeFileSync(file('long'), Buffer.alloc(KIND.maxBytes + 1, 'x'));
    expect(() => readBytes(file('long'), KIND)).toThrow(
      'the list is too long (expected at most 1 MiB)',
    );
  });
});

describe('what is printed of a file', () => {
  it('has at most twenty mistakes', async () => {
    const { errors } = await apemu(['exec', '-c', CONFIG, file('wrong.ap')]);
    const lines = errors.trim().split('\n');
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe(`${file('wrong.ap')}: and 980 mistakes more`);
  });

  it('has no control characters', async () => {
    const { errors } = await apemu(['exec', '-c', CONFIG, file('escape.ap')]);
    expect(errors).toContain('not \\x1b[31m\\x9b\\x07 (expected aa.dddd');
  });

  it('keeps place and code of a line that is too long to show', async () => {
    const { errors } = await apemu(['exec', '-c', CONFIG, file('wide.ap')]);
    expect(errors.length).toBeLessThan(1100);
    expect(errors.startsWith(`${file('wide.ap')}:2:10: `)).toBe(true);
    expect(errors).toMatch(/\[APEMU_ERR_PROGRAM_UNKNOWN_WORD\]\n$/);
  });
});
