// SPDX-License-Identifier: Apache-2.0
// What the instruction is that a vCPU is about to execute: its function and the queue it names.
import { GR0_APQN, GR0_FC_SHIFT } from '../../native-like/arch/function-codes.ts';
import {
  FUNCTION_DQAP,
  FUNCTION_NAMES,
  FUNCTION_NQAP,
} from '../../native-like/arch/function-numbers.ts';
import { OPCODE_DQAP, OPCODE_NQAP, OPCODE_PQAP } from '../../native-like/arch/instructions.ts';

/** Number of the function (FUNCTION_*); -1 if the instruction is not an AP instruction. */
export const functionOf = (instruction: number, gr0: number): number => {
  const opcode = instruction >>> 16;
  if (opcode === OPCODE_NQAP) return FUNCTION_NQAP;
  if (opcode === OPCODE_DQAP) return FUNCTION_DQAP;
  const code = gr0 >>> GR0_FC_SHIFT;
  return opcode === OPCODE_PQAP && code < FUNCTION_NQAP ? code : -1;
};

/** The APQN that an instruction names. */
export const apqnOf = (gr0: number): number => gr0 & GR0_APQN;

/** Number of a function by its lower-case name; `any`: -1. */
export const functionNumber = (name: string): number =>
  FUNCTION_NAMES.findIndex((candidate) => candidate.toLowerCase() === name);
