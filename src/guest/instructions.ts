// SPDX-License-Identifier: Apache-2.0
// The AP instructions as a kernel developer calls them: one function for each, which loads the registers, executes, and reads the
// results.
// Source: docs/reference/ap-architecture.md sections 1.3 to 1.9 (what Linux asm/ap.h passes and expects).

import {
  FC_AAPQ,
  FC_AQIC,
  FC_BAPQ,
  FC_QACT,
  FC_QBAP,
  FC_QCI,
  FC_RAPQ,
  FC_TAPQ,
  FC_ZAPQ,
  GR0_F,
  GR0_FC_SHIFT,
  GR0_T,
} from '../../native-like/arch/function-codes.ts';
import { OPCODE_DQAP, OPCODE_NQAP, OPCODE_PQAP } from '../../native-like/arch/instructions.ts';
import {
  AQIC_GF_MASK,
  AQIC_GISA_MASK,
  AQIC_GISC_MASK,
  AQIC_GISC_SHIFT,
  AQIC_IR,
  AQIC_ISC_MASK,
  DQAP_START,
  NQAP_L,
  NQAP_SPECIAL,
} from '../../native-like/arch/registers.ts';
import { STATUS_RC_MASK, STATUS_RC_SHIFT } from '../../native-like/arch/status-word.ts';
import type { ApCpu } from './ap-cpu.ts';
import {
  COLUMN_CC1,
  COLUMN_CC2,
  COLUMN_PROGRAM_INTERRUPTION,
  COUNTED_DQAP,
  COUNTED_NQAP,
  COUNTER_COLUMNS,
} from './counters.ts';
import { COMPLETED } from './cpu.ts';
import { STATUS_PROGRAM_INTERRUPTION, STATUS_REPLY_LARGER } from './status.ts';

export { type ApCpu, apCpuOf, createApCpu } from './ap-cpu.ts';

/** An RRE instruction word: opcode, eight zero bits, R1, R2. */
const rre = (opcode: number, r1: number, r2: number): number => (opcode << 16) | (r1 << 4) | r2 | 0;

/** Even registers of the two pairs of NQAP and DQAP (docs/design.md section 6). */
const PSMID_PAIR = 4;
const BUFFER_PAIR = 6;
const PQAP = rre(OPCODE_PQAP, 0, 0);
const NQAP = rre(OPCODE_NQAP, PSMID_PAIR, BUFFER_PAIR);
const DQAP = rre(OPCODE_DQAP, PSMID_PAIR, BUFFER_PAIR);

const count = (ap: ApCpu, row: number, column: number): void => {
  const counters = ap.counters;
  if (counters === null) return;
  const index = row * COUNTER_COLUMNS + column;
  counters[index] = (counters[index] + 1) | 0;
};

const interrupted = (ap: ApCpu, row: number): number => {
  ap.programInterruption = ap.cpu.programInterruption();
  count(ap, row, COLUMN_PROGRAM_INTERRUPTION);
  return STATUS_PROGRAM_INTERRUPTION;
};

/** Counts an instruction that was executed elsewhere: its word, GR0 as it was before, and whether it completed. */
export const countInstruction = (
  ap: ApCpu,
  word: number,
  gr0: number,
  completed: boolean,
): void => {
  const opcode = word >>> 16;
  const row =
    opcode === OPCODE_NQAP
      ? COUNTED_NQAP
      : opcode === OPCODE_DQAP
        ? COUNTED_DQAP
        : gr0 >>> GR0_FC_SHIFT;
  ap.executed++;
  if (row > COUNTED_DQAP) return;
  const cc = ap.cpu.conditionCode();
  if (!completed) count(ap, row, COLUMN_PROGRAM_INTERRUPTION);
  else if (cc === 1 || cc === 2) count(ap, row, cc === 1 ? COLUMN_CC1 : COLUMN_CC2);
  else count(ap, row, row === FC_QCI ? 0 : (ap.cpu.grLow(1) & STATUS_RC_MASK) >>> STATUS_RC_SHIFT);
};

/** Executes PQAP with the registers as loaded. Returns GR1 bits 32-63. */
const pqap = (ap: ApCpu, functionCode: number): number => {
  ap.executed++;
  if (ap.cpu.execute(PQAP) !== COMPLETED) return interrupted(ap, functionCode);
  ap.programInterruption = 0;
  const status = ap.cpu.grLow(1);
  count(ap, functionCode, (status & STATUS_RC_MASK) >>> STATUS_RC_SHIFT);
  return status;
};

const readInfo = (ap: ApCpu): void => {
  ap.infoHigh = ap.cpu.grHigh(2);
  ap.infoLow = ap.cpu.grLow(2);
};

/** PQAP(TAPQ), test queue. `t` asks for the facilities too (needs facility 15). Leaves GR2 in `infoHigh`, `infoLow`. */
export const tapq = (ap: ApCpu, apqn: number, t: boolean): number => {
  ap.cpu.setGr(0, 0, t ? apqn | GR0_T : apqn);
  ap.cpu.setGr(2, 0, 0);
  const status = pqap(ap, FC_TAPQ);
  readInfo(ap);
  return status;
};

/** PQAP(RAPQ), reset queue. `f` also ends a secure-execution binding. */
export const rapq = (ap: ApCpu, apqn: number, f = false): number => {
  ap.cpu.setGr(0, 0, apqn | (FC_RAPQ << GR0_FC_SHIFT) | (f ? GR0_F : 0));
  return pqap(ap, FC_RAPQ);
};

/** PQAP(ZAPQ), reset and zeroize queue. `f` as for `rapq`. */
export const zapq = (ap: ApCpu, apqn: number, f = false): number => {
  ap.cpu.setGr(0, 0, apqn | (FC_ZAPQ << GR0_FC_SHIFT) | (f ? GR0_F : 0));
  return pqap(ap, FC_ZAPQ);
};

/** Fields of the AQIC control word that a program sets. A field that is left out is zero. */
export interface AqicFields {
  readonly ir?: number;
  readonly gisc?: number;
  readonly gf?: number;
  /** Address of the GISA, 31-bit, 16-byte aligned. */
  readonly gisa?: number;
  readonly isc?: number;
}

/** High half of the AQIC control word (section 1.6). */
export const aqicHigh = (fields: AqicFields): number =>
  (fields.ir ? AQIC_IR : 0) |
  (((fields.gisc ?? 0) << AQIC_GISC_SHIFT) & AQIC_GISC_MASK) |
  ((fields.gf ?? 0) & AQIC_GF_MASK);

/** Low half of the AQIC control word. */
export const aqicLow = (fields: AqicFields): number =>
  ((fields.gisa ?? 0) & AQIC_GISA_MASK) | ((fields.isc ?? 0) & AQIC_ISC_MASK);

/** PQAP(AQIC), interruption control. `nib`: absolute address of the notification indicator byte, below 4 GiB. */
export const aqic = (
  ap: ApCpu,
  apqn: number,
  controlHigh: number,
  controlLow: number,
  nib: number,
): number => {
  ap.cpu.setGr(0, 0, apqn | (FC_AQIC << GR0_FC_SHIFT));
  ap.cpu.setGr(1, controlHigh, controlLow);
  ap.cpu.setGr(2, 0, nib);
  return pqap(ap, FC_AQIC);
};

/**
 * PQAP(QCI), query configuration, 128 bytes at `address` (8-byte aligned). Returns 0, or the program-interruption code where
 * the function is not installed.
 */
export const qci = (ap: ApCpu, address: number): number => {
  ap.cpu.setGr(0, 0, FC_QCI << GR0_FC_SHIFT);
  ap.cpu.setGr(2, 0, address);
  ap.executed++;
  if (ap.cpu.execute(PQAP) !== COMPLETED) {
    interrupted(ap, FC_QCI);
    return ap.programInterruption;
  }
  ap.programInterruption = 0;
  count(ap, FC_QCI, 0);
  return 0;
};

/** PQAP(QACT), query AP compatibility type. Takes an information word, and leaves the resulting one in `infoHigh` and `infoLow`. */
export const qact = (
  ap: ApCpu,
  apqn: number,
  ifBit: boolean,
  infoHigh: number,
  infoLow: number,
): number => {
  ap.cpu.setGr(0, 0, apqn | (FC_QACT << GR0_FC_SHIFT) | (ifBit ? GR0_F : 0));
  ap.cpu.setGr(1, infoHigh, infoLow);
  ap.cpu.setGr(2, 0, 0);
  const status = pqap(ap, FC_QACT);
  readInfo(ap);
  return status;
};

/** PQAP function 6 (best AP by its name in kvm-unit-tests); no kernel calls it. `address` 8-byte aligned. */
export const qbap = (ap: ApCpu, address: number): number => {
  ap.cpu.setGr(0, 0, FC_QBAP << GR0_FC_SHIFT);
  ap.cpu.setGr(2, 0, address);
  return pqap(ap, FC_QBAP);
};

/** PQAP(BAPQ), bind queue to this secure-execution guest. */
export const bapq = (ap: ApCpu, apqn: number): number => {
  ap.cpu.setGr(0, 0, apqn | (FC_BAPQ << GR0_FC_SHIFT));
  return pqap(ap, FC_BAPQ);
};

/** PQAP(AAPQ), associate queue with the secret of index `secret` (0 to 0xFFFF). */
export const aapq = (ap: ApCpu, apqn: number, secret: number): number => {
  ap.cpu.setGr(0, 0, apqn | (FC_AAPQ << GR0_FC_SHIFT));
  ap.cpu.setGr(2, 0, secret);
  return pqap(ap, FC_AAPQ);
};

/**
 * NQAP, enqueue one whole message of `length` bytes at `address`. Executes again on condition code 2 until the instruction
 * ends. `special`: the message is a special command (queues with facility S).
 */
export const nqap = (
  ap: ApCpu,
  apqn: number,
  psmidHigh: number,
  psmidLow: number,
  address: number,
  length: number,
  special: boolean,
): number => {
  const cpu = ap.cpu;
  cpu.setGr(0, 0, apqn | NQAP_L | (special ? NQAP_SPECIAL : 0));
  cpu.setGr(PSMID_PAIR, 0, psmidHigh);
  cpu.setGr(PSMID_PAIR + 1, 0, psmidLow);
  cpu.setGr(BUFFER_PAIR, 0, address);
  cpu.setGr(BUFFER_PAIR + 1, 0, length);
  for (;;) {
    ap.executed++;
    if (cpu.execute(NQAP) !== COMPLETED) return interrupted(ap, COUNTED_NQAP);
    if (cpu.conditionCode() !== 2) break;
    count(ap, COUNTED_NQAP, COLUMN_CC2);
  }
  ap.programInterruption = 0;
  const status = cpu.grLow(1);
  count(ap, COUNTED_NQAP, (status & STATUS_RC_MASK) >>> STATUS_RC_SHIFT);
  return status;
};

/**
 * DQAP, dequeue one reply into `length` bytes at `address`. Executes again on condition codes 1 and 2 while there is room.
 * Leaves PSMID, stored `length` and `residual`. A reply larger than the buffer stays in the queue: status RC FF (made up here)
 * and a token; the next call with `resume` then gets what is left, over the same buffer.
 */
export const dqap = (
  ap: ApCpu,
  apqn: number,
  address: number,
  length: number,
  resume = false,
): number => {
  const cpu = ap.cpu;
  if (resume) cpu.setGr(0, ap.tokenHigh, ap.tokenLow);
  else cpu.setGr(0, 0, apqn | DQAP_START);
  cpu.setGr(2, 0, 0);
  cpu.setGr(PSMID_PAIR, 0, 0);
  cpu.setGr(PSMID_PAIR + 1, 0, 0);
  cpu.setGr(BUFFER_PAIR, 0, address);
  cpu.setGr(BUFFER_PAIR + 1, 0, length);
  let remaining = length;
  while (remaining !== 0) {
    ap.executed++;
    if (cpu.execute(DQAP) !== COMPLETED) return interrupted(ap, COUNTED_DQAP);
    remaining = cpu.grLow(BUFFER_PAIR + 1);
    const cc = cpu.conditionCode();
    if (cc === 0 || cc === 3) break;
    count(ap, COUNTED_DQAP, cc === 1 ? COLUMN_CC1 : COLUMN_CC2);
  }
  ap.programInterruption = 0;
  ap.length = length - remaining;
  ap.residual = cpu.grLow(2);
  if (ap.residual !== 0 && remaining === 0) {
    ap.tokenHigh = cpu.grHigh(0);
    ap.tokenLow = cpu.grLow(0);
    return STATUS_REPLY_LARGER;
  }
  ap.tokenHigh = 0;
  ap.tokenLow = 0;
  ap.psmidHigh = cpu.grLow(PSMID_PAIR);
  ap.psmidLow = cpu.grLow(PSMID_PAIR + 1);
  const status = cpu.grLow(1);
  count(ap, COUNTED_DQAP, (status & STATUS_RC_MASK) >>> STATUS_RC_SHIFT);
  return status;
};
