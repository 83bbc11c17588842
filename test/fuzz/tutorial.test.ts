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

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

/** What a command printed, as if the folder were the current one. */
const here = (text: string): string => oneLine(text.replaceAll(`${folder}/`, ''));

/** What the page shows of a command's output; its lines are folded. */
const shownAfter = (start: string): string => {
  const from = PAGE.indexOf(start);
  return oneLine(PAGE.slice(PAGE.indexOf('\n', from), PAGE.indexOf('\n```', from)));
};

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
  expect(here(found.errors)).toContain(shownAfter('$ apemu fuzz machine.yaml'));
  const again = await apemu(commandOf('fuzz --replay'));
  expect(again.code).toBe(1);
  expect(here(again.output)).toContain(shownAfter('$ apemu fuzz --replay'));
  expect(readFileSync(join(folder, 'results.xml'), 'utf8')).toContain('<testsuite');
});
