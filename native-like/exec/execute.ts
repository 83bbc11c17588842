// SPDX-License-Identifier: Apache-2.0
// Interpretive execution of one AP instruction, and of a run of them in guest storage.
// Source: docs/design.md section 3, docs/reference/performance.md sections 3 and 4. Status: architected results.
import { INSTRUCTION_BYTES, OPCODE_DQAP, OPCODE_NQAP, OPCODE_PQAP } from '../arch/instructions.ts';
import {
  EXECUTE_COMPLETED,
  EXECUTE_EVENT,
  EXECUTE_OTHER,
  PSW_CC,
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
  V_TRUE_MASKS,
} from '../machine/layout.ts';
import { authorized } from './availability.ts';
import { dqap } from './dqap.ts';
import { operationException } from './ending.ts';
import { nqap } from './nqap.ts';
import { pqap } from './pqap.ts';
import { showQueue, tapqOperational, tapqUnavailable } from './tapq.ts';
import { BYTES, I32, INDEX, U16 } from './views.ts';

/** TAPQ of an APQN outside the masks the fast path tests: unavailable, unless they are the empty record (selectMasks). */
const refused = (v: number, instruction: number): number =>
  I32[v + V_MASKS] === I32[v + V_TRUE_MASKS] ? tapqUnavailable(v) : pqap(v, instruction);

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
    if (unusual !== 0) return pqap(v, instruction);
    if (authorized(I32[v + V_MASKS] as number, gr0) >= 0) return refused(v, instruction);
    const q = I32[INDEX + (gr0 & 0xffff)] as number;
    return I32[q + Q_ATTENTION] === 0 ? tapqOperational(v, q, gr0) : pqap(v, instruction);
  }
  if (opcode === OPCODE_NQAP) return nqap(v, instruction);
  if (opcode === OPCODE_DQAP) return dqap(v, instruction);
  return operationException(v, instruction);
};

/** The first half-word of PQAP as this computer reads it from big-endian storage. */
const PQAP_AS_STORED = new Uint16Array(
  new Uint8Array([OPCODE_PQAP >>> 8, OPCODE_PQAP & 0xff]).buffer,
)[0] as number;
/** No instruction address is below it. */
const NO_CODE = 0x80000000 | 0;

/** Where the run loop has to stop: the last instruction that fits into storage begins before it. */
const endOfCode = (v: number): number => {
  const address = I32[v + V_PSW_ADDRESS_LOW] as number;
  const inside = address >= 0 && (address & 1) === 0 && I32[v + V_PSW_ADDRESS_HIGH] === 0;
  return inside ? (I32[v + V_STORAGE_SIZE] as number) - INSTRUCTION_BYTES + 1 : NO_CODE;
};

/** NQAP or DQAP; anything else is none of ours. */
const executeMessage = (v: number, instruction: number): number => {
  const opcode = instruction >>> 16;
  if (opcode === OPCODE_NQAP) return nqap(v, instruction);
  return opcode === OPCODE_DQAP ? dqap(v, instruction) : EXECUTE_OTHER;
};

/**
 * Runs AP instructions from guest storage at the PSW address, at most `count` of them. Returns EXECUTE_COMPLETED when the count
 * is used up, EXECUTE_OTHER at an instruction that is none of ours or outside storage, EXECUTE_EVENT when V_EVENT is set,
 * or what ended the last instruction.
 *
 * What changes only while the vCPU is out of interpretive execution (masks, guard word, all of the PSW but address and condition
 * code) is read once. Every completed instruction is four bytes long, so that the address counts the instructions as well.
 */
export const run = (v: number, count: number): number => {
  const storage = I32[v + V_STORAGE_BYTE] as number;
  const guard = I32[v + V_GUARD] as number;
  const masks = I32[v + V_MASKS] as number;
  const psw = (I32[v + V_PSW_MASK_HIGH] as number) & ~PSW_CC;
  const mode = (psw ^ PSW_EA) & (PSW_PROBLEM | PSW_EA);
  // V8 tests the bounds of what is read here once, and not again at each TAPQ of the loop: a third of its branches.
  void (
    (I32[v + V_EVENT] as number) |
    (I32[v + V_GR + 1] as number) |
    (I32[v + V_GR + 2] as number) |
    (I32[v + V_GR + 3] as number) |
    (I32[v + V_GR + 4] as number) |
    (I32[v + V_GR + 5] as number)
  );
  let address = I32[v + V_PSW_ADDRESS_LOW] as number;
  const stop = address + INSTRUCTION_BYTES * count;
  const end = Math.min(stop, endOfCode(v)) | 0;
  while (address < end) {
    if (I32[v + V_EVENT] !== 0) return EXECUTE_EVENT;
    const at = (storage + address) | 0;
    address = (address + INSTRUCTION_BYTES) | 0;
    let ended = EXECUTE_COMPLETED;
    if (U16[at >>> 1] === PQAP_AS_STORED) {
      const gr0 = I32[v + V_GR + 1] as number;
      if (((gr0 & guard) | mode) === 0 && authorized(masks, gr0) < 0) {
        const q = I32[INDEX + (gr0 & 0xffff)] as number;
        if (I32[q + Q_ATTENTION] === 0) {
          showQueue(v, q, gr0);
          I32[v + V_PSW_MASK_HIGH] = psw;
          I32[v + V_PSW_ADDRESS_LOW] = address;
          continue;
        }
      }
      ended = execute(v, BYTES.getInt32(at));
    } else ended = executeMessage(v, BYTES.getInt32(at));
    if (ended !== EXECUTE_COMPLETED) return ended;
  }
  if (address < stop) return I32[v + V_EVENT] !== 0 ? EXECUTE_EVENT : EXECUTE_OTHER;
  return EXECUTE_COMPLETED;
};
