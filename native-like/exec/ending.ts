// SPDX-License-Identifier: Apache-2.0
// How an instruction ends: completion with a condition code, program interruption, or interception.
// Source: docs/reference/ap-architecture.md sections 1.11, 3.1 and 6.1. Status: architected.

import { FACILITY_SIE } from '../arch/facilities.ts';
import { INSTRUCTION_BYTES, OPCODE_CHSC, OPCODE_STCRW, OPCODE_TPI } from '../arch/instructions.ts';
import {
  isNullifying,
  LC_PGM_ILC,
  LC_PGM_OLD_PSW,
  PGM_OPERATION,
} from '../arch/program-interruptions.ts';
import { LOWCORE_BYTES, PSW_CC, PSW_CC_SHIFT, PSW_EA } from '../arch/psw.ts';
import { AP_RESPONSE_Q_NOT_AVAIL, CC_NORMAL } from '../arch/response-codes.ts';
import { ICPT_INST } from '../arch/sie.ts';
import { STATUS_RC_MASK, STATUS_RC_SHIFT } from '../arch/status-word.ts';
import {
  V_EXIT,
  V_FACILITIES,
  V_GR,
  V_INSTRUCTION,
  V_PSW_ADDRESS_HIGH,
  V_PSW_ADDRESS_LOW,
  V_PSW_MASK_HIGH,
  V_PSW_MASK_LOW,
  V_STORAGE_BYTE,
  V_STORAGE_SIZE,
} from '../machine/layout.ts';
import { EXECUTE_COMPLETED, EXECUTE_INTERCEPT, EXECUTE_PROGRAM } from '../machine/outcome.ts';
import { CONDITION_CODES } from './response-rules.ts';
import { addressMask } from './storage.ts';
import { BYTES, I32, setPair } from './views.ts';

/**
 * Bits of the next instruction address that are all zero after a carry out of the addressing mode, in 24-, 31- and 64-bit mode alike: one
 * test finds every carry. The last two bits are not among them, since the address can then be 0 or 2.
 */
const CARRY_BITS = 0x00fffffc;

/** The same bits after an instruction of two, four or six bytes, which can lead to address 0, 2 or 4. */
const OLD_CARRY_BITS = 0x00fffff8;

/**
 * Corrects an instruction address that may have carried out of its mode: it wraps around, or in 64-bit mode the carry goes on into bits
 * 0-31 (AD-60).
 */
const advanceSlow = (v: number): void => {
  const mask = addressMask(v);
  I32[v + V_PSW_ADDRESS_LOW] = I32[v + V_PSW_ADDRESS_LOW] & mask;
  if (mask === -1) I32[v + V_PSW_ADDRESS_HIGH] = (I32[v + V_PSW_ADDRESS_HIGH] + 1) | 0;
};

/**
 * Moves the instruction address past a 4-byte instruction. `psw` has PSW bits 0-31. In 64-bit mode, in which guests run, only a carry
 * into bits 0-31 takes the slow path.
 */
export const advance = (v: number, psw: number): void => {
  const next = (I32[v + V_PSW_ADDRESS_LOW] + INSTRUCTION_BYTES) | 0;
  I32[v + V_PSW_ADDRESS_LOW] = next;
  if ((next & (CARRY_BITS | (-(psw & PSW_EA) << 24))) === 0) advanceSlow(v);
};

/** Ends the instruction with condition code `cc`. */
export const complete = (v: number, cc: number): number => {
  const psw = I32[v + V_PSW_MASK_HIGH];
  I32[v + V_PSW_MASK_HIGH] = (psw & ~PSW_CC) | (cc << PSW_CC_SHIFT);
  advance(v, psw);
  return EXECUTE_COMPLETED;
};

/** Ends the instruction with a status in GR1 (bits 0-31 are zero, AD-09) and the condition code that goes with its response code. */
export const completeStatus = (v: number, status: number): number => {
  I32[v + V_GR + 2] = 0;
  I32[v + V_GR + 3] = status;
  return complete(v, CONDITION_CODES[(status & STATUS_RC_MASK) >>> STATUS_RC_SHIFT]);
};

/** Ends the instruction with a status whose response code is 00. */
export const completeNormal = (v: number, status: number): number => {
  I32[v + V_GR + 2] = 0;
  I32[v + V_GR + 3] = status;
  return complete(v, CC_NORMAL);
};

/** The two words of GR1 with response code 01 as one double (not a NaN), so that one store sets them. */
const REFUSED_GR1 = new Float64Array(
  new Int32Array([0, AP_RESPONSE_Q_NOT_AVAIL << STATUS_RC_SHIFT]).buffer,
)[0];
/** Condition code of response code 01, at its place in the PSW. */
const REFUSED_CC = CONDITION_CODES[AP_RESPONSE_Q_NOT_AVAIL] << PSW_CC_SHIFT;

/** Ends the instruction with response code 01, queue not available. `psw` has PSW bits 0-31 as they were read. */
export const refuse = (v: number, psw: number): number => {
  setPair(v + V_GR + 2, REFUSED_GR1);
  I32[v + V_PSW_MASK_HIGH] = (psw & ~PSW_CC) | REFUSED_CC;
  advance(v, psw);
  return EXECUTE_COMPLETED;
};

/**
 * Ends the instruction with a program interruption: the code goes into the vCPU block; ILC, code and old PSW go into the lowcore if the
 * guest's storage is in the image. The PSW itself stays as it was, since whoever runs the vCPU decides whether the new PSW is loaded.
 */
export const programInterruption = (v: number, code: number): number =>
  interruptWithLength(v, code, INSTRUCTION_BYTES);

/**
 * Ends any instruction word with an operation exception; its first two bits tell the length. A guest's instructions about the channel
 * subsystem are intercepted instead, because KVM and user space know what is pending.
 */
export const operationException = (v: number, instruction: number): number => {
  const guest = (I32[v + V_FACILITIES] & FACILITY_SIE) !== 0;
  const opcode = instruction >>> 16;
  const intercepted = opcode === OPCODE_TPI || opcode === OPCODE_STCRW || opcode === OPCODE_CHSC;
  if (guest && intercepted) return intercept(v, instruction);
  const first = instruction >>> 30;
  return interruptWithLength(v, PGM_OPERATION, first === 0 ? 2 : first === 3 ? 6 : 4);
};

const interruptWithLength = (v: number, code: number, bytes: number): number => {
  I32[v + V_EXIT] = code;
  if (I32[v + V_STORAGE_SIZE] >= LOWCORE_BYTES) storeProgramOld(v, code, bytes);
  return EXECUTE_PROGRAM;
};

/** Stores ILC and code in one word, and the old PSW. That points past the instruction, or at it where the interruption nullifies. */
const storeProgramOld = (v: number, code: number, bytes: number): void => {
  const lowcore = I32[v + V_STORAGE_BYTE];
  const old = lowcore + LC_PGM_OLD_PSW;
  const past = isNullifying(code) ? 0 : bytes;
  const next = (I32[v + V_PSW_ADDRESS_LOW] + past) | 0;
  BYTES.setInt32(lowcore + LC_PGM_ILC, (bytes << 16) | code);
  BYTES.setInt32(old, I32[v + V_PSW_MASK_HIGH]);
  BYTES.setInt32(old + 4, I32[v + V_PSW_MASK_LOW]);
  BYTES.setInt32(old + 8, I32[v + V_PSW_ADDRESS_HIGH]);
  BYTES.setInt32(old + 12, next);
  if ((next & OLD_CARRY_BITS) === 0) carryOld(v, old, next, past);
};

/** Corrects the old PSW's instruction address after a carry, as `advanceSlow` does with the PSW's. */
const carryOld = (v: number, old: number, next: number, past: number): void => {
  const mask = addressMask(v);
  BYTES.setInt32(old + 12, next & mask);
  if (mask === -1 && next >>> 0 < past) BYTES.setInt32(old + 8, I32[v + V_PSW_ADDRESS_HIGH] + 1);
};

/**
 * Ends with an instruction interception: interception code and instruction (IPA, IPB) as in the SIE block. The instruction address is
 * already past the instruction.
 */
export const intercept = (v: number, instruction: number): number => {
  I32[v + V_EXIT] = ICPT_INST;
  I32[v + V_INSTRUCTION] = instruction;
  advance(v, I32[v + V_PSW_MASK_HIGH]);
  return EXECUTE_INTERCEPT;
};
