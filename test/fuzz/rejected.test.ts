// SPDX-License-Identifier: Apache-2.0
// A promise that a driver rejects and nobody handles is a finding of the oracle `throws`, whichever thread meets it and whichever makes it short.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { apemu } from '../cli/fake-io.ts';
import { filesBelow } from './campaign-files.ts';

const EXAMPLE = 'examples/fuzzing/driver.ts';
const BUSY = 'if (code === 0x05) return; // busy: try again later. But with what?';

const folder = mkdtempSync(join(tmpdir(), 'apemu-rejected-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The example driver, in which busy is answered by something else. */
const driverWith = (name: string, busy: string): string => {
  const text = readFileSync(EXAMPLE, 'utf8');
  expect(text).toContain(BUSY);
  const file = join(folder, `${name}.ts`);
  writeFileSync(file, text.replace(BUSY, busy));
  return file;
};

const campaign = async (out: string, driver: string, workers: number) =>
  await apemu([
    ...['fuzz', 'examples/fuzzing/machine.yaml', '--driver', driver, '--out', join(folder, out)],
    ...['--cases', '300', '--workers', String(workers)],
  ]);

const REJECTS = "if (code === 0x05) { void Promise.reject(new Error('nobody waits')); }";
const HANDLES =
  "if (code === 0x05) { Promise.reject(new Error('somebody waits')).catch(() => {}); }";

describe('a promise that is rejected', () => {
  it('is found where nobody handles it, made short, with the same folder by one worker and by two', async () => {
    const driver = driverWith('rejects', REJECTS);
    const { code } = await campaign('one', driver, 1);
    expect(code).toBe(1);
    const found = readdirSync(join(folder, 'one', 'findings')).filter((id) => /^throws-/.test(id));
    expect(found).toHaveLength(1);
    const scenario = readFileSync(join(folder, 'one', 'findings', found[0], 'scenario.ap'), 'utf8');
    expect(
      scenario
        .split('\n')
        .filter((line) => /^(?:on|at|idle|user)\b/.test(line))
        .sort(),
    ).toEqual([
      expect.stringMatching(/^on nqap #1: (rc=05|lpar: busy .*)$/),
      expect.stringMatching(/^user: request/),
    ]);
    await campaign('two', driver, 2);
    const [one, two] = ['one', 'two'].map((out) =>
      filesBelow(join(folder, out, 'corpus'), join(folder, out, 'findings')),
    );
    expect(two).toEqual(one);
  });

  it('is none where somebody does', async () => {
    await campaign('handled', driverWith('handles', HANDLES), 1);
    const found = readdirSync(join(folder, 'handled', 'findings'));
    expect(found.filter((id) => /^throws-/.test(id))).toEqual([]);
  });
});
