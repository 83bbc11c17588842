// SPDX-License-Identifier: Apache-2.0
// The generator: same seed, same stream; and a difference comes with a short program that reproduces it.

import { describe, expect, it } from 'vitest';
import { apply, type Operation } from '../vectors/operations.ts';
import { Generator } from './generate.ts';
import { lockstep, replay } from './lockstep.ts';
import { programText } from './program-text.ts';
import { Random } from './random.ts';
import { modelFactory } from './under-test.ts';

/** The stream of a seed, driven by the model. */
function stream(seed: number, length: number): { text: string; generator: Generator } {
  const generator = new Generator(seed);
  const machine = modelFactory().create(generator.preset);
  const operations: Operation[] = [];
  for (let k = 0; k < length; k++) {
    const operation = generator.next();
    operations.push(operation);
    generator.ended(operation, apply(machine, operation));
  }
  return { text: programText(generator.preset, operations), generator };
}

describe('the random generator', () => {
  it('gives the same numbers for the same seed and others for another', () => {
    const numbers = (seed: number) => {
      const random = new Random(seed);
      return Array.from({ length: 8 }, () => random.word());
    };
    expect(numbers(7)).toEqual(numbers(7));
    expect(numbers(7)).not.toEqual(numbers(8));
  });

  it('gives all values below a bound', () => {
    const random = new Random(1);
    const seen = new Set(Array.from({ length: 200 }, () => random.below(10)));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

describe('a generated stream', () => {
  it('is the same for the same seed', () => {
    expect(stream(11, 500).text).toBe(stream(11, 500).text);
    expect(stream(11, 500).text).not.toBe(stream(12, 500).text);
  });

  it('meets each function with RC 00 and each kind of outcome', () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 40; seed++) {
      const generator = new Generator(seed);
      const machine = modelFactory().create(generator.preset);
      for (let k = 0; k < 400; k++) {
        const operation = generator.next();
        const outcome = apply(machine, operation);
        generator.ended(operation, outcome);
        if (operation.op !== 'instruction' || outcome === undefined) continue;
        const gr0 = new Map(operation.gr).get(0);
        const opcode = (operation.word >>> 16).toString(16);
        const fc = opcode === 'b2af' && gr0 !== undefined ? ` ${(gr0 >> 24n) & 0xffn}` : '';
        const end = outcome.kind === 'completed' ? `cc ${outcome.cc}` : outcome.kind;
        seen.add(`${opcode}${fc} ${end}`);
      }
    }
    const functions = ['b2ad', 'b2ae', ...[0, 1, 2, 3, 4, 5, 7, 8].map((fc) => `b2af ${fc}`)];
    const missing = functions
      .flatMap((name) => ['cc 0', 'program', 'intercept'].map((end) => `${name} ${end}`))
      .concat('b2ad cc 1', 'b2ad cc 2', 'b2ad cc 3', 'b2ae cc 1', 'b2ae cc 2', 'b2ae cc 3')
      .filter((name) => !seen.has(name));
    expect(missing).toEqual([]);
  });
});

describe('a difference', () => {
  const reference = modelFactory();
  const subject = modelFactory('no-token');
  const found = Array.from({ length: 40 }, (_, k) =>
    lockstep({ seed: k + 1, operations: 400, reference, subject }),
  ).find((difference) => difference !== undefined);

  it('is shortened to the few operations that it needs', () => {
    expect(found!.operations.length).toBeLessThanOrEqual(6);
    expect(replay(found!.preset, found!.operations, reference, subject)).toMatch(/GR0/);
  });

  it('is reported with its seed and as an AP program', () => {
    expect(found!.report).toMatch(/^seed \d+, operation \d+: GR0: expected/);
    expect(found!.report).toContain('\napemu-program 1\n');
    expect(found!.report).toMatch(/insn b2ae/);
  });
});
