// SPDX-License-Identifier: Apache-2.0
// What a fuzzing run did: instructions by function and ending.
// Source: docs/reference/ap-architecture.md sections 1.1 to 1.9. Status: choice.

import { FUNCTION_NAMES } from '../../native-like/arch/function-numbers.ts';
import { OPCODE_DQAP, OPCODE_NQAP, OPCODE_PQAP } from '../../native-like/arch/instructions.ts';
import type { Ending } from './action.ts';
import type { Balance } from './ledger.ts';
import { hex } from './rules.ts';

/** Counts by function name and ending (`rc 00`, `cc 1`, `pgm 0006`); plain data, so it can be saved. */
export interface Statistics {
  lines: number;
  instructions: number;
  readonly endings: Record<string, Record<string, number>>;
  readonly messages: Balance;
}

export const emptyStatistics = (): Statistics => ({
  lines: 0,
  instructions: 0,
  endings: {},
  messages: { accepted: 0, answered: 0, flushed: 0, lost: 0 },
});

const QCI = 4;

const functionName = (word: number, gr0: number): string => {
  const opcode = word >>> 16;
  if (opcode === OPCODE_NQAP) return 'NQAP';
  if (opcode === OPCODE_DQAP) return 'DQAP';
  if (opcode !== OPCODE_PQAP) return 'other';
  const fc = gr0 >>> 24;
  return fc <= 8 ? FUNCTION_NAMES[fc] : 'undefined FC';
};

/** Counts one instruction. `gr0` is as it was before, `gr1` as it is afterwards; low halves. */
export const countInstruction = (
  statistics: Statistics,
  word: number,
  gr0: number,
  gr1: number,
  ending: Ending,
): void => {
  const name = functionName(word, gr0);
  const partial = ending.cc === 1 || ending.cc === 2;
  const qci = name === FUNCTION_NAMES[QCI];
  const outcome =
    ending.program !== 0
      ? `pgm ${hex(ending.program, 4)}`
      : partial || qci
        ? `cc ${ending.cc}`
        : `rc ${hex((gr1 >>> 16) & 0xff, 2)}`;
  statistics.instructions++;
  statistics.endings[name] ??= {};
  const row = statistics.endings[name] as Record<string, number>;
  row[outcome] = (row[outcome] ?? 0) + 1;
};

/** Adds the counts of one run to another's. */
export const addStatistics = (total: Statistics, more: Statistics): void => {
  total.lines += more.lines;
  total.instructions += more.instructions;
  for (const [name, row] of Object.entries(more.endings)) {
    total.endings[name] ??= {};
    const sums = total.endings[name] as Record<string, number>;
    for (const [outcome, count] of Object.entries(row))
      sums[outcome] = (sums[outcome] ?? 0) + count;
  }
  for (const way of ['accepted', 'answered', 'flushed', 'lost'] as const)
    total.messages[way] += more.messages[way];
};
