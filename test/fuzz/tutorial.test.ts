// SPDX-License-Identifier: Apache-2.0
// docs/fuzzing.md, from an empty folder to the first finding: its commands do what it says they print.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { apemu } from '../cli/fake-io.ts';

const PAGE = readFileSync('docs/fuzzing.md', 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'apemu-tutorial-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Arguments of a command of the page; its files are in the folder of the tutorial. */
const commandOf = (start: string): string[] => {
  const line = PAGE.split('\n').find((one) => one.startsWith(`$ apemu ${start}`)) ?? '';
  const inFolder = (word: string): string =>
    /^(?:machine\.yaml|driver\.ts|apemu-fuzz.*|results\.xml)$/.test(word)
      ? join(folder, word)
      : word;
  return line.split(' ').slice(2).map(inFolder);
};

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ');

it('comes from an empty folder to the first finding, and replays it', async () => {
  mkdirSync(folder, { recursive: true });
  for (const file of ['machine.yaml', 'driver.ts'])
    cpSync(join('examples/fuzzing', file), join(folder, file));
  const found = await apemu([
    ...commandOf('fuzz machine.yaml'),
    '--out',
    join(folder, 'apemu-fuzz'),
    '--workers',
    '1',
  ]);
  expect(found.code).toBe(1);
  const said = /breaks "progress".*?interruption to come\./s.exec(PAGE)?.[0] ?? 'nothing';
  expect(oneLine(found.errors)).toContain(oneLine(said));
  expect(found.errors).toMatch(/^ {4}on nqap #1: rc=05$/m);
  const again = await apemu(commandOf('fuzz --replay'));
  expect(again.code).toBe(1);
  expect(again.output).toContain('progress: it waits for an interruption');
  expect(readFileSync(join(folder, 'results.xml'), 'utf8')).toContain('<testsuite');
});
