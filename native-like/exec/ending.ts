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

/** Below them, the address bits that are all zero after a carry out of any addressing mode's last bit. */
const CARRY_BITS = 0x00fffffc;

/** The same after an instruction of two, four or six bytes. */
const OLD_CARRY_BITS = 0x00fffff8;

/** The instruction address may have carried out of its mode: it wraps, or goes on in bits 0-31 (AD-60). */
const advanceSlow = (v: number): void => {
  const mask = addressMask(v);
  I32[v + V_PSW_ADDRESS_LOW] = I32[v + V_PSW_ADDRESS_LOW] & mask;
  if (mask === -1) I32[v + V_PSW_ADDRESS_HIGH] = (I32[v + V_PSW_ADDRESS_HIGH] + 1) | 0;
};

/**
 * Moves the instruction address past a 4-byte instruction; `psw` is the PSW's mask. In 64-bit mode, which guests are in, only the carry
 * into bits 0-31 is rare enough to be slow.
 */
export const advance = (v: number, psw: number): void => {
  const next = (I32[v + V_PSW_ADDRESS_LOW] + INSTRUCTION_BYTES) | 0;
  I32[v + V_PSW_ADDRESS_LOW] = next;
  if ((next & (CARRY_BITS | (-(psw & PSW_EA) << 24))) === 0) advanceSlow(v);
};

/** Ends with a condition code. */
export const complete = (v: number, cc: number): number => {
  const psw = I32[v + V_PSW_MASK_HIGH];
  I32[v + V_PSW_MASK_HIGH] = (psw & ~PSW_CC) | (cc << PSW_CC_SHIFT);
  advance(v, psw);
  return EXECUTE_COMPLETED;
};

/** Ends with a status in GR1 (bits 0-31 zero, AD-09) and the condition code that goes with its response code. */
export const completeStatus = (v: number, status: number): number => {
  I32[v + V_GR + 2] = 0;
  I32[v + V_GR + 3] = status;
  return complete(v, CONDITION_CODES[(status & STATUS_RC_MASK) >>> STATUS_RC_SHIFT]);
};

/** Ends with a status without response code. */
export const completeNormal = (v: number, status: number): number => {
  I32[v + V_GR + 2] = 0;
  I32[v + V_GR + 3] = status;
  return complete(v, CC_NORMAL);
};

/** GR1 with response code 01: its words as one double, which is no NaN. */
const REFUSED_GR1 = new Float64Array(
  new Int32Array([0, AP_RESPONSE_Q_NOT_AVAIL << STATUS_RC_SHIFT]).buffer,
)[0];
/** Condition code of response code 01, as it stands in the PSW. */
const REFUSED_CC = CONDITION_CODES[AP_RESPONSE_Q_NOT_AVAIL] << PSW_CC_SHIFT;

/** Ends with response code 01, queue not available; `psw` is the PSW's mask as it was read. */
export const refuse = (v: number, psw: number): number => {
  setPair(v + V_GR + 2, REFUSED_GR1);
  I32[v + V_PSW_MASK_HIGH] = (psw & ~PSW_CC) | REFUSED_CC;
  advance(v, psw);
  return EXECUTE_COMPLETED;
};

/**
 * Program interruption: code in the vCPU block; ILC, code and old PSW in the lowcore, where the guest has one in the image.
 * The PSW itself stays as it was: whoever runs the vCPU decides whether the new PSW is loaded.
 */
export const programInterruption = (v: number, code: number): number =>
  interruptWithLength(v, code, INSTRUCTION_BYTES);

/**
 * Operation exception for any instruction word: its first two bits tell the length. A guest's instructions about the channel subsystem
 * are intercepted instead: KVM and user space know what is pending.
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

/** ILC and code in one word; the old PSW points past the instruction, or at it where the interruption nullifies. */
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

/** As `advanceSlow`, for the old PSW. */
const carryOld = (v: number, old: number, next: number, past: number): void => {
  const mask = addressMask(v);
  BYTES.setInt32(old + 12, next & mask);
  if (mask === -1 && next >>> 0 < past) BYTES.setInt32(old + 8, I32[v + V_PSW_ADDRESS_HIGH] + 1);
};

/** Instruction interception: code, and instruction (IPA, IPB) as in the SIE block; the instruction address is already past it. */
export const intercept = (v: number, instruction: number): number => {
  I32[v + V_EXIT] = ICPT_INST;
  I32[v + V_INSTRUCTION] = instruction;
  advance(v, I32[v + V_PSW_MASK_HIGH]);
  return EXECUTE_INTERCEPT;
};
