// SPDX-License-Identifier: Apache-2.0
// The attacks of scripts/attack, a few seconds of each, and the frame that runs them: what it finds it tells, with the command
// that shows it again. CONTRIBUTING.md says how to run them for an hour.

import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { apemu } from '../cli/fake-io.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const RUN = `${ROOT}scripts/attack/run.js`;
const BROKEN = `${ROOT}test/attack/broken.attack.js`;
const ATTACKS = readdirSync(`${ROOT}scripts/attack`).flatMap(
  (file) => /^(.+)\.attack\.js$/.exec(file)?.[1] ?? [],
);

interface Ended {
  readonly code: number;
  readonly output: string;
}

const attack = (args: readonly string[], way?: string): Promise<Ended> =>
  new Promise((resolve) => {
    const env = { ...process.env, BROKEN_ATTACK: way };
    execFile('node', [RUN, ...args], { cwd: ROOT, env }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr }),
    );
  });

describe('scripts/attack', () => {
  it.each(ATTACKS)('%s finds nothing', async (name) => {
    const { code, output } = await attack([name, '--seed', '1']);
    if (output.includes(': not tried: ')) console.warn(output.trimEnd());
    else expect(output).toMatch(/: [1-9]\d* tried from seed 1.*: 0 findings\n$/);
    expect(code, output).toBe(0);
  });

  it('lists what there is', async () => {
    const { code, output } = await attack(['--list']);
    expect(code).toBe(0);
    expect(output.trimEnd().split('\n')).toHaveLength(ATTACKS.length);
  });
});

it('signals are sent to every command', async () => {
  const { COMMANDS } = (await import(`${ROOT}scripts/attack/signals.attack.js`)) as {
    COMMANDS: readonly (readonly string[])[];
  };
  const { output } = await apemu(['--help']);
  const [, list = ''] = /^Commands:\n((?: {2}.*\n)+)/m.exec(output) ?? [];
  const names = [...list.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(8);
  const sent = new Set(COMMANDS.map(([name]) => name));
  expect(names.filter((name) => name !== 'help' && !sent.has(name as string))).toEqual([]);
});

describe('the frame', () => {
  it.each([
    ['throws', /FOUND: a promise is broken\n/],
    ['hangs', /FOUND: hangs: no end after 5 s\n/],
    ['exits', /FOUND: ends the process \(7\)\n/],
    ['crashes', /FOUND: ends the process \(1\)\n[\s\S]*nobody waits for this/],
  ])('tells a trial that %s, and how to have it again', async (way, message) => {
    const { code, output } = await attack([BROKEN, '--seed', '1', '--count', '30'], way);
    expect(code).toBe(1);
    expect(output).toMatch(message);
    const [, again] = /again: node scripts\/attack\/run\.js (.+)\n/.exec(output) as RegExpExecArray;
    const once = await attack((again as string).split(' '), way);
    expect(once.code).toBe(1);
    expect(once.output).toMatch(message);
    expect(once.output).toContain('1 finding\n');
  });

  it('says how many it tried, by kind', async () => {
    const { code, output } = await attack([BROKEN, '--seed', '1', '--count', '20'], 'never');
    const [, bad, good] = /20 tried from seed 1 \(bad (\d+), good (\d+)\): 0 findings\n$/.exec(
      output,
    ) as RegExpExecArray;
    expect(Number(bad) + Number(good)).toBe(20);
    expect(code).toBe(0);
  });

  it.each([
    ['an attack that does not exist', ['nothing'], 'there is no attack nothing'],
    ['an option that does not exist', ['--hours', '1'], '--hours'],
    ['a count that is none', ['--count', 'many'], 'many is no number above 0'],
  ])('refuses %s', async (_what, args, message) => {
    const { code, output } = await attack(args);
    expect(code).toBe(2);
    expect(output).toContain(message);
    expect(output).toContain('usage: node scripts/attack/run.js');
  });
});
