// SPDX-License-Identifier: Apache-2.0
// Configurations with very much of something: read in a time that grows with their length, with every mistake told at its place.

import { describe, expect, it } from 'vitest';
import { configFromObject, parseConfig } from '../../src/config/load.ts';
import { MistakesError } from '../../src/config/mistakes.ts';
import type { GuestConfig } from '../../src/config/types.ts';

const MACHINE =
  'apemu: 1\nmachine: { adapters: { 5: { mode: loopback } }, usageDomains: [1], controlDomains: [1] }\n';
const MANY = 20_000;
const times = (line: (n: number) => string, count = MANY): string =>
  Array.from({ length: count }, (_, n) => line(n)).join('');

const mistakesOf = (text: string): readonly string[] => {
  try {
    parseConfig(text, 'large.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof MistakesError)) throw error;
    return error.mistakes.map(({ message, place }) => `${place.line}: ${message}`);
  }
};

describe('a configuration with 20,000', () => {
  it('aliases of one guest has as many guests', () => {
    const guests = times((n) => `  G${n}: *g\n`);
    const { config } = parseConfig(
      `${MACHINE}guests:\n  G: &g { memory: 64KiB }\n${guests}`,
      'large.yaml',
    );
    expect(config.guests).toHaveLength(MANY + 1);
    expect(config.guests.at(-1)).toMatchObject({ name: `G${MANY - 1}`, memory: 65_536 });
  });

  it('anchors, each used once, is read', () => {
    const pairs = times((n) => `      - &a${n} [${n}]\n      - *a${n}\n`);
    const text = `${MACHINE}guests:\n  G:\n    args:\n      list:\n${pairs}`;
    const { config } = parseConfig(text, 'large.yaml');
    const [guest] = config.guests as [GuestConfig];
    expect((guest.args['list'] as unknown[]).slice(-2)).toEqual([[MANY - 1], [MANY - 1]]);
  });

  it('unknown keys has as many mistakes', () => {
    const mistakes = mistakesOf(`${MACHINE}${times((n) => `k${n}: 1\n`)}`);
    expect(mistakes).toHaveLength(MANY);
    expect(mistakes.at(-1)).toBe(`${MANY + 2}: unknown key k${MANY - 1}`);
  });

  it('values of the wrong type has as many mistakes', () => {
    const guests = times((n) => `  G${n}: { memory: 64KiB, workload: [], vcpus: many }\n`);
    const mistakes = mistakesOf(`${MACHINE}guests:\n${guests}`);
    expect(mistakes).toHaveLength(2 * MANY);
  });

  it('faults says which is the first too many, and of which guest each is that is not there', () => {
    const faults = times(() => '  - { guest: H, on: dqap, rc: 5 }\n');
    const mistakes = mistakesOf(`${MACHINE}guests: { G: {} }\nfaults:\n${faults}`);
    expect(mistakes).toHaveLength(MANY + 1);
    expect(mistakes).toContain(`260: there are ${MANY} faults`);
    expect(mistakes.at(-1)).toBe(`${MANY + 4}: there is no guest H`);
  });
});

describe('an anchor', () => {
  it('that is set again is what was set last before its alias', () => {
    const { config } = parseConfig(
      `${MACHINE}guests: { G: { args: { a: &x 1, b: *x, c: &x 2, d: *x, e: [&y [*x], *y] } } }\n`,
      'large.yaml',
    );
    expect(config.guests[0]?.args).toEqual({ a: 1, b: 1, c: 2, d: 2, e: [[2], [2]] });
  });

  it('inside itself is too deep', () => {
    expect(mistakesOf('a: &a [*a]\n')).toEqual([expect.stringContaining('nested too deeply')]);
  });
});

describe('a text of 15 MB', () => {
  it.each([
    ['apmask', `${MACHINE}host: { apmask: "${'+1,'.repeat(5_000_000)}" }\n`],
    ['a guest name of a fault', `${MACHINE}faults: [{ guest: ${'G'.repeat(15_000_000)} }]\n`],
  ])('as %s is refused at its place', (_what, text) => {
    expect(mistakesOf(text)).toEqual(['3: the text is too long']);
  });
});

describe('a plain object', () => {
  const cyclic: unknown[] = [];
  cyclic.push(cyclic, cyclic);
  it.each([
    ['that holds itself twice', { guests: { G: { args: { cyclic } } } }, 'nested too deeply'],
    [
      'of many entries',
      { guests: { G: { args: { a: Array(300_000).fill(0) } } } },
      'too many entries',
    ],
    ['with a long text', { host: { apmask: '+1,'.repeat(5_000_000) } }, 'the text is too long'],
    ['that is a function', () => 1, 'the file is'],
    [
      'with a BigInt and a symbol',
      { machine: { seed: 1n, profile: Symbol('z16') } },
      'machine.seed is 1',
    ],
  ])('%s is refused with a mistake', (_what, object, message) => {
    expect(() => configFromObject(object)).toThrow(MistakesError);
    expect(() => configFromObject(object)).toThrow(message);
  });
});

describe('hexadecimal digits without 0x', () => {
  it.each([
    ['machine: { usageDomains: [ab] }', 'machine.usageDomains[0] is "ab", did you mean 0xab?'],
    ['machine: { adapters: { 0a: { mode: ep11 } } }', 'unknown key 0a, did you mean 0x0a?'],
    [
      'guests: { G: { mdev: { adapters: [0F] } } }',
      'guests.G.mdev.adapters[0] is "0F", did you mean 0x0F?',
    ],
  ])('%s are told as what they are', (line, message) => {
    expect(mistakesOf(`apemu: 1\n${line}\n`)).toEqual([`2: ${message}`]);
  });

  it('where a word is meant are no number', () => {
    expect(mistakesOf('apemu: 1\nmachine: { profile: ab }\n')).toEqual([
      '2: machine.profile is "ab"',
    ]);
  });
});
