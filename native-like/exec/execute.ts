// SPDX-License-Identifier: Apache-2.0
// Interpretive execution of one AP instruction, and of a run of them in guest storage.
// Source: docs/design.md section 3, docs/reference/performance.md sections 3 and 4. Status: architected results.
import { FC_TAPQ, FUNCTION_CODES, GR0_APQN, GR0_F, GR0_FC_MASK } from '../arch/function-codes.ts';
import {
  INSTRUCTION_BYTES,
  OPCODE_DQAP,
  OPCODE_NQAP,
  OPCODE_PQAP,
  RRE_ODD,
  RRE_R2,
} from '../arch/instructions.ts';
import { PSW_CC, PSW_EA, PSW_PROBLEM } from '../arch/psw.ts';
import {
  DQAP_RESERVED,
  DQAP_START,
  NQAP_L,
  NQAP_RESERVED,
  NQAP_SPECIAL,
} from '../arch/registers.ts';
import {
  Q_ATTENTION,
  Q_LIMIT,
  V_EVENT,
  V_GR,
  V_MASKS,
  V_PSW_ADDRESS_HIGH,
  V_PSW_ADDRESS_LOW,
  V_PSW_MASK_HIGH,
  V_STORAGE_BYTE,
  V_STORAGE_SIZE,
} from '../machine/layout.ts';
import { EXECUTE_COMPLETED, EXECUTE_EVENT, EXECUTE_OTHER } from '../machine/outcome.ts';
import { authorized } from './availability.ts';
import { dequeue, dqapSlow } from './dqap.ts';
import { operationException, refuse } from './ending.ts';
import { enqueue, nqapSlow } from './nqap.ts';
import { pqap } from './pqap.ts';
import { showQueue, tapqOperational, tapqRefused } from './tapq.ts';
import { BYTES, EMPTY_MASKS, I32, INDEX, QUEUES, U16 } from './views.ts';

/** GR0 bits that keep TAPQ off the fast path when they are on: another function code, bit 41, and bits that are reserved. */
const TAPQ_UNUSUAL = GR0_FC_MASK | GR0_F | FUNCTION_CODES[FC_TAPQ].reserved;

/**
 * GR0 bits that must have their usual values on the fast path of NQAP and DQAP: reserved bits, parts, special commands, tokens. Both
 * instructions look at all of them.
 */
const MESSAGE_UNUSUAL = NQAP_RESERVED | NQAP_L | NQAP_SPECIAL | DQAP_RESERVED | DQAP_START;

/**
 * Executes one 4-byte RRE word on the vCPU block at word `v`. Returns EXECUTE_COMPLETED (condition code in the PSW), EXECUTE_PROGRAM
 * (code in V_EXIT) or EXECUTE_INTERCEPT (V_EXIT, V_INSTRUCTION).
 *
 * The tests are those of AD-15 for the common case, merged; whatever is unusual takes the slow path, which makes them in order. All of it
 * is one function, so that the compiler can make it part of its caller (performance.md section 1 item 5).
 */
export const execute = (v: number, instruction: number): number => {
  const opcode = instruction >>> 16;
  if (opcode === OPCODE_PQAP) {
    const gr0 = I32[v + V_GR + 1];
    const psw = I32[v + V_PSW_MASK_HIGH];
    const mode = (psw ^ PSW_EA) & (PSW_PROBLEM | PSW_EA);
    if (((gr0 & TAPQ_UNUSUAL) | mode) === 0) {
      const masks = I32[v + V_MASKS];
      if (authorized(masks, gr0) < 0) {
        const q = I32[INDEX + (gr0 & GR0_APQN)];
        if (I32[q + Q_ATTENTION] === 0) return tapqOperational(v, q, gr0, psw);
      } else if (masks !== EMPTY_MASKS) return tapqRefused(v, psw);
    }
    return pqap(v, instruction);
  }
  if (opcode === OPCODE_NQAP || opcode === OPCODE_DQAP) return message(v, instruction);
  return operationException(v, instruction);
};

/** Executes NQAP or DQAP: on the fast path when GR0, mode, registers and masks are usual. */
const message = (v: number, instruction: number): number => {
  const gr0 = I32[v + V_GR + 1];
  const psw = I32[v + V_PSW_MASK_HIGH];
  const mode = (psw ^ PSW_EA) & (PSW_PROBLEM | PSW_EA);
  const isNqap = instruction >>> 16 === OPCODE_NQAP;
  const unusual = (gr0 ^ (isNqap ? NQAP_L : DQAP_START)) & MESSAGE_UNUSUAL;
  if ((unusual | mode | (instruction & RRE_ODD)) === 0) {
    const masks = I32[v + V_MASKS];
    if (authorized(masks, gr0) < 0) {
      if (isNqap) return enqueue(v, instruction, gr0);
      return dequeue(v, instruction, gr0);
    }
    if (masks !== EMPTY_MASKS && isLengthLegal((v + ((instruction & RRE_R2) << 1)) | 0))
      return refuse(v, psw);
  }
  return isNqap ? nqapSlow(v, instruction) : dqapSlow(v, instruction);
};

/**
 * Whether the length of a message to a queue that is not available is legal (AD-08), in 64-bit mode. R2 is the register with number `(r2
 * - v) / 2`.
 */
const isLengthLegal = (r2: number): boolean => {
  const length = I32[r2 + V_GR + 3];
  return I32[r2 + V_GR + 2] === 0 && length > 0 && length <= I32[QUEUES + Q_LIMIT];
};

/**
 * The first half-word of PQAP in guest storage, which is big-endian, as a half-word of this computer: so the run loop need not swap
 * bytes.
 */
const PQAP_AS_STORED = new Uint16Array(
  new Uint8Array([OPCODE_PQAP >>> 8, OPCODE_PQAP & 0xff]).buffer,
)[0];
/** The run loop looks at the event word after 64 TAPQs, which take about 240 ns. */
const POLL_BYTES = 64 * INSTRUCTION_BYTES;

/** As `execute`, but an instruction that is not an AP instruction ends with EXECUTE_OTHER. */
const executeOurs = (v: number, instruction: number): number => {
  const opcode = instruction >>> 16;
  const isOurs = opcode === OPCODE_PQAP || opcode === OPCODE_NQAP || opcode === OPCODE_DQAP;
  return isOurs ? execute(v, instruction) : EXECUTE_OTHER;
};

/** End of the code when the instruction address is not in storage: no address is below it, so that nothing is executed. */
const NO_CODE = 0x80000000 | 0;

/** Address at which the run loop has to stop: the last instruction that fits into storage begins before it. */
const endOfCode = (v: number): number => {
  const address = I32[v + V_PSW_ADDRESS_LOW];
  const inside = address >= 0 && (address & 1) === 0 && I32[v + V_PSW_ADDRESS_HIGH] === 0;
  return inside ? I32[v + V_STORAGE_SIZE] - INSTRUCTION_BYTES + 1 : NO_CODE;
};

/** Writes what the run loop keeps in variables back to the vCPU block: PSW bits 0-31 and the instruction address. Returns `answer`. */
const leaveRun = (v: number, psw: number, address: number, answer: number): number => {
  I32[v + V_PSW_MASK_HIGH] = psw;
  I32[v + V_PSW_ADDRESS_LOW] = address;
  return answer;
};

/**
 * Runs AP instructions from guest storage at the PSW address, at most `count` of them. Returns EXECUTE_COMPLETED when the count
 * is used up, EXECUTE_OTHER at an instruction that is none of ours or outside storage, EXECUTE_EVENT when V_EVENT is set,
 * or what ended the last instruction.
 *
 * What changes only while the vCPU is out of interpretive execution (masks, guard word, all of the PSW but address and condition
 * code) is read once, and the PSW is written when the loop ends or an instruction leaves the fast path. Outside 64-bit supervisor state
 * the loop's masks are the empty record, so that nothing is on it.
 */
export const run = (v: number, count: number): number => {
  const storage = I32[v + V_STORAGE_BYTE];
  let psw = I32[v + V_PSW_MASK_HIGH];
  const isPlain = ((psw ^ PSW_EA) & (PSW_PROBLEM | PSW_EA)) === 0;
  const masks = isPlain ? I32[v + V_MASKS] : EMPTY_MASKS;
  // V8 tests the bounds of these words once here, and not again at each TAPQ of the loop. That saves a third of the loop's branches.
  void (
    I32[v + V_EVENT] |
    I32[v + V_GR + 1] |
    I32[v + V_GR + 2] |
    I32[v + V_GR + 3] |
    I32[v + V_GR + 4] |
    I32[v + V_GR + 5]
  );
  let address = I32[v + V_PSW_ADDRESS_LOW];
  const stop = (address + INSTRUCTION_BYTES * count) | 0;
  const end = Math.min(stop, endOfCode(v)) | 0;
  /** Address up to which `psw` is what the program had. Once TAPQs have moved on from it, the condition code is 0. */
  let known = address;
  while (address < end && I32[v + V_EVENT] === 0) {
    let until = Math.min(end, address + POLL_BYTES);
    while (address < until) {
      const at = (storage + address) | 0;
      if (U16[at >>> 1] === PQAP_AS_STORED) {
        const gr0 = I32[v + V_GR + 1];
        if ((gr0 & TAPQ_UNUSUAL) === 0 && authorized(masks, gr0) < 0) {
          const q = I32[INDEX + (gr0 & GR0_APQN)];
          if (I32[q + Q_ATTENTION] === 0) {
            showQueue(v, q, gr0);
            address = (address + INSTRUCTION_BYTES) | 0;
            continue;
          }
        }
      }
      leaveRun(v, address === known ? psw : psw & ~PSW_CC, address, EXECUTE_COMPLETED);
      const ended = executeOurs(v, BYTES.getInt32(at));
      if (ended !== EXECUTE_COMPLETED) return ended;
      psw = I32[v + V_PSW_MASK_HIGH];
      address = (address + INSTRUCTION_BYTES) | 0;
      known = address;
      // The instruction may have set the event word: the inner loop ends, so that it is looked at.
      until = address;
    }
  }
  const left = address === known ? psw : psw & ~PSW_CC;
  if (address >= stop) return leaveRun(v, left, address, EXECUTE_COMPLETED);
  return leaveRun(v, left, address, I32[v + V_EVENT] !== 0 ? EXECUTE_EVENT : EXECUTE_OTHER);
};
