// SPDX-License-Identifier: Apache-2.0
// Instruction tables: rows of an instruction word and the registers it is executed with. Kernel and reference are driven by
// the same table, in the same order.
import { OPCODE_DQAP, OPCODE_NQAP, OPCODE_PQAP } from '../../native-like/arch/instructions.ts';
import { DQAP_START, NQAP_L } from '../../native-like/arch/registers.ts';

/** Words of a row: bench/c/reference.h has the same numbers. */
export const ROW_WORDS = 8;
export const ROW_VCPU = 0;
export const ROW_INSTRUCTION = 1;
export const ROW_GR0 = 2;
export const ROW_GR4 = 3;
export const ROW_GR5 = 4;
export const ROW_GR6 = 5;
export const ROW_GR7 = 6;

const R1 = 4;
const R2 = 6;
/** PQAP, NQAP and DQAP words as the tables use them. */
export const PQAP_WORD = (OPCODE_PQAP << 16) | 0;
export const NQAP_WORD = (OPCODE_NQAP << 16) | (R1 << 4) | R2;
export const DQAP_WORD = (OPCODE_DQAP << 16) | (R1 << 4) | R2;

/** One instruction: GR4 and GR5 hold the PSMID, GR6 the address, GR7 the length. */
export interface Instruction {
  readonly vcpu: number;
  readonly word: number;
  readonly gr0: number;
  readonly psmidHigh?: number;
  readonly psmidLow?: number;
  readonly address?: number;
  readonly length?: number;
}

/** A table of these instructions. It lies in ordinary memory: guests cannot reach it. */
export const instructionTable = (instructions: readonly Instruction[]): Int32Array => {
  const table = new Int32Array(instructions.length * ROW_WORDS);
  instructions.forEach((one, n) => {
    const row = n * ROW_WORDS;
    table[row + ROW_VCPU] = one.vcpu;
    table[row + ROW_INSTRUCTION] = one.word;
    table[row + ROW_GR0] = one.gr0;
    table[row + ROW_GR4] = one.psmidHigh ?? 0;
    table[row + ROW_GR5] = one.psmidLow ?? 0;
    table[row + ROW_GR6] = one.address ?? 0;
    table[row + ROW_GR7] = one.length ?? 0;
  });
  return table;
};

export const tapq = (vcpu: number, apqn: number): Instruction => ({
  vcpu,
  word: PQAP_WORD,
  gr0: apqn,
});

/** A whole message of `length` bytes from guest address `address`. */
export const nqap = (
  vcpu: number,
  apqn: number,
  address: number,
  length: number,
  psmid: number,
): Instruction => ({
  vcpu,
  word: NQAP_WORD,
  gr0: NQAP_L | apqn,
  psmidHigh: ~psmid,
  psmidLow: psmid,
  address,
  length,
});

/** A whole reply of at most `length` bytes to guest address `address`. */
export const dqap = (vcpu: number, apqn: number, address: number, length: number): Instruction => ({
  vcpu,
  word: DQAP_WORD,
  gr0: DQAP_START | apqn,
  address,
  length,
});
