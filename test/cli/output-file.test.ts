// SPDX-License-Identifier: Apache-2.0
// Files that a command writes when its work is done: whether they can be written is said before it.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apemu } from './fake-io.ts';

const example = (name: string): string =>
  new URL(`../../examples/${name}`, import.meta.url).pathname;

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'apemu-output-'));
  writeFileSync(join(dir, 'file'), 'as it was');
});
afterAll(() => rmSync(dir, { recursive: true }));

describe.each([
  ['run --html', ['run', example('load.yaml'), '--stepped', '--messages', '1', '--html']],
  ['report --html', ['report', 'a.json', 'b.json', '--html']],
  ['test --junit', ['test', example('faults.ap'), '--junit']],
  ['fuzz --replay --junit', ['fuzz', '--replay', 'findings', '--junit']],
  ['bench --out', ['bench', '--smoke', '--out']],
  ['golden --record', ['golden', '--record', '--kernel', 'linux-6.12']],
])('apemu %s', (_what, line) => {
  it.each([
    ['none/page', 'ENOENT'],
    ['file/page', 'ENOTDIR'],
    ['.', 'EISDIR'],
  ])('refuses %s before it begins', async (name, errno) => {
    const file = join(dir, name);
    const { code, output, errors } = await apemu([...line, file]);
    expect([code, output]).toEqual([2, '']);
    expect(errors).toBe(`apemu: cannot write ${file}: ${errno} [APEMU_ERR_USAGE_SAVE]\n`);
    expect(readdirSync(dir)).toEqual(['file']);
  });
});

it('a page is written where one may be, also over another', async () => {
  const line = ['run', example('load.yaml'), '--stepped', '--messages', '1', '--html'];
  for (const name of ['file', 'new']) {
    const { code, errors } = await apemu([...line, join(dir, name)]);
    expect([code, errors]).toEqual([0, '']);
  }
  expect(readdirSync(dir).sort()).toEqual(['file', 'new']);
});
