// SPDX-License-Identifier: Apache-2.0
// Interpretive execution of one AP instruction, and of a run of them in guest storage.
// Source: docs/design.md section 3, docs/reference/performance.md sections 3 and 4. Status: architected results.
import { OPCODE_DQAP, OPCODE_NQAP, OPCODE_PQAP } from '../arch/instructions.ts';
import {
  EXECUTE_COMPLETED,
  EXECUTE_EVENT,
  EXECUTE_OTHER,
  PSW_EA,
  PSW_PROBLEM,
  Q_ATTENTION,
  V_EVENT,
  V_GR,
  V_GUARD,
  V_MASKS,
  V_PSW_ADDRESS_HIGH,
  V_PSW_ADDRESS_LOW,
  V_PSW_MASK_HIGH,
  V_STORAGE_BYTE,
  V_STORAGE_SIZE,
} from '../machine/layout.ts';
import { authorized } from './availability.ts';
import { dqap } from './dqap.ts';
import { operationException } from './ending.ts';
import { nqap } from './nqap.ts';
import { pqap } from './pqap.ts';
import { tapqOperational } from './tapq.ts';
import { BYTES, I32, INDEX } from './views.ts';

/**
 * Executes one 4-byte RRE word on the vCPU block at word `v`. Returns EXECUTE_COMPLETED (condition code in the PSW),
 * EXECUTE_PROGRAM (code in V_EXIT) or EXECUTE_INTERCEPT (V_EXIT, V_IPA, V_IPB).
 */
export const execute = (v: number, instruction: number): number => {
  const opcode = instruction >>> 16;
  if (opcode === OPCODE_PQAP) {
    const gr0 = I32[v + V_GR + 1] as number;
    const unusual =
      (gr0 & (I32[v + V_GUARD] as number)) |
      (((I32[v + V_PSW_MASK_HIGH] as number) ^ PSW_EA) & (PSW_PROBLEM | PSW_EA));
    if (unusual !== 0 || authorized(I32[v + V_MASKS] as number, gr0) >= 0)
      return pqap(v, instruction);
    const q = I32[INDEX + (gr0 & 0xffff)] as number;
    return I32[q + Q_ATTENTION] === 0 ? tapqOperational(v, q, gr0) : pqap(v, instruction);
  }
  if (opcode === OPCODE_NQAP) return nqap(v, instruction);
  if (opcode === OPCODE_DQAP) return dqap(v, instruction);
  return operationException(v, instruction);
};

/** Bytes the run loop fetches at once. */
const FETCH_BYTES = 4;

/**
 * Runs AP instructions from guest storage at the PSW address, at most `count` of them. Returns EXECUTE_COMPLETED when the count
 * is used up, EXECUTE_OTHER at an instruction that is none of ours or outside storage, EXECUTE_EVENT when V_EVENT is set,
 * or what ended the last instruction.
 */
export const run = (v: number, count: number): number => {
  const storage = I32[v + V_STORAGE_BYTE] as number;
  const last = (I32[v + V_STORAGE_SIZE] as number) - FETCH_BYTES;
  for (let n = count; n > 0; n--) {
    if (I32[v + V_EVENT] !== 0) return EXECUTE_EVENT;
    const address = I32[v + V_PSW_ADDRESS_LOW] as number;
    if (address < 0 || address > last || I32[v + V_PSW_ADDRESS_HIGH] !== 0) return EXECUTE_OTHER;
    const instruction = BYTES.getInt32(storage + address);
    const opcode = instruction >>> 16;
    if (opcode < OPCODE_NQAP || opcode > OPCODE_PQAP) return EXECUTE_OTHER;
    const ended = execute(v, instruction);
    if (ended !== EXECUTE_COMPLETED) return ended;
  }
  return EXECUTE_COMPLETED;
};
