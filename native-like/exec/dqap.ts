// SPDX-License-Identifier: Apache-2.0
// DQAP, dequeue: the fast path for a whole reply from a queue in plain operation, and everything else.
// Source: docs/reference/ap-architecture.md section 1.9, decisions AD-08, AD-10, AD-16, AD-18.
// Status: architected; the continuation token and CC 2 are choices.

import { FACILITY_APXA } from '../arch/facilities.ts';
import { GR0_APQN, GR0_APQN_NO_APXA } from '../arch/function-codes.ts';
import { FUNCTION_DQAP } from '../arch/function-numbers.ts';
import { RRE_ODD, RRE_R1, RRE_R2 } from '../arch/instructions.ts';
import { PGM_SPECIFICATION } from '../arch/program-interruptions.ts';
import {
  DQAP_RESERVED,
  DQAP_START,
  DQAP_TOKEN_MARK,
  DQAP_TOKEN_MASK,
  DQAP_TOKEN_PART_MASK,
  DQAP_TOKEN_PART_SHIFT,
} from '../arch/registers.ts';
import { AP_RESPONSE_NO_FIRST_PART, AP_RESPONSE_NO_PENDING_REPLY } from '../arch/response-codes.ts';
import { STATUS_EMPTY, STATUS_IRQ, STATUS_REPLIES } from '../arch/status-word.ts';
import {
  ATTENTION_OPEN,
  K_DELIVERED,
  K_PART,
  L_LENGTH,
  L_PSMID_HIGH,
  L_PSMID_LOW,
  Q_ALL_FREE,
  Q_ATTENTION,
  Q_COLD,
  Q_FREE,
  Q_LIMIT,
  Q_REPLY_HEAD,
  Q_REPLY_RING,
  Q_REPLY_TAIL,
  Q_STATUS,
  RING_BYTES,
  SLOT_BIT_0,
  SLOT_HEADER_BYTES,
  V_FACILITIES,
  V_GR,
  V_STORAGE_BYTE,
  V_STORAGE_SIZE,
} from '../machine/layout.ts';
import { EXECUTE_COMPLETED } from '../machine/outcome.ts';
import { CONDITION_CC, findQueue, queueCondition, statusWithCode } from './availability.ts';
import { bytesToBoundary, bytesToFault } from './boundary.ts';
import { complete, completeNormal, completeStatus, programInterruption } from './ending.ts';
import { advanceOperand, operandLength } from './nqap.ts';
import { admit } from './pqap.ts';
import { closeIfDone, firstReply, slotByte, slotHeader } from './queue.ts';
import { addressHigh, addressMask, copyBytes, storeGuest } from './storage.ts';
import { I32, INDEX, setPair, U8 } from './views.ts';

const RING_MASK = RING_BYTES - 1;

/** DQAP when the masks allow the APQN and GR0 has nothing unusual: delivers a whole reply. What needs more checks goes to `dqapSlow`. */
export const dequeue = (v: number, instruction: number, gr0: number): number => {
  const q = I32[INDEX + (gr0 & GR0_APQN)];
  const head = I32[q + Q_REPLY_HEAD];
  if (I32[q + Q_ATTENTION] !== 0 || head === I32[q + Q_REPLY_TAIL]) return dqapSlow(v, instruction);
  const slot = U8[((q + Q_REPLY_RING) << 2) + (head & RING_MASK)];
  const at = slotByte(q, slot);
  const header = at >>> 2;
  const length = I32[header + L_LENGTH];
  const r2 = (v + V_GR + ((instruction & RRE_R2) << 1)) | 0;
  const room = I32[r2 + 3];
  const address = I32[r2 + 1];
  if (
    (I32[r2] | I32[r2 + 2]) !== 0 ||
    room < length ||
    room > I32[q + Q_LIMIT] ||
    address < 0 ||
    address > ((I32[v + V_STORAGE_SIZE] - length) | 0)
  ) {
    return dqapSlow(v, instruction);
  }
  I32[r2 + 1] = (address + length) | 0;
  I32[r2 + 3] = (room - length) | 0;
  const target = (I32[v + V_STORAGE_BYTE] + address) | 0;
  remove(v, q, slot, header, instruction);
  copyBytes(target, (at + SLOT_HEADER_BYTES) | 0, length);
  return EXECUTE_COMPLETED;
};

/** Takes the first reply off the queue and sets the registers: its PSMID, a residual length of 0, and the status after the removal. */
const remove = (v: number, q: number, slot: number, header: number, instruction: number): void => {
  const r1 = (v + V_GR + ((instruction & RRE_R1) >>> 3)) | 0;
  I32[r1] = 0;
  I32[r1 + 1] = I32[header + L_PSMID_HIGH];
  I32[r1 + 2] = 0;
  I32[r1 + 3] = I32[header + L_PSMID_LOW];
  setPair(v + V_GR + 4, 0);
  const head = (I32[q + Q_REPLY_HEAD] + 1) | 0;
  const free = I32[q + Q_FREE] | (SLOT_BIT_0 >>> slot);
  I32[q + Q_REPLY_HEAD] = head;
  I32[q + Q_FREE] = free;
  const status =
    (I32[q + Q_STATUS] & STATUS_IRQ) |
    (free === I32[q + Q_ALL_FREE] ? STATUS_EMPTY : 0) |
    (head === I32[q + Q_REPLY_TAIL] ? 0 : STATUS_REPLIES);
  I32[q + Q_STATUS] = status;
  completeNormal(v, status);
};

/** DQAP with all that the fast path does not do, checked in the order of AD-15. */
export const dqapSlow = (v: number, instruction: number): number => {
  const ended = admit(v, instruction);
  if (ended !== 0) return ended - 1;
  const gr0 = I32[v + V_GR + 1];
  const apxa = (I32[v + V_FACILITIES] & FACILITY_APXA) !== 0;
  if (
    (gr0 & DQAP_RESERVED) !== 0 ||
    (!apxa && (gr0 & GR0_APQN_NO_APXA) !== 0) ||
    (instruction & RRE_ODD) !== 0
  ) {
    return programInterruption(v, PGM_SPECIFICATION);
  }
  const q = findQueue(v, gr0);
  const r2 = v + V_GR + ((instruction & RRE_R2) << 1);
  const room = operandLength(v, q, r2);
  if (room === 0) return programInterruption(v, PGM_SPECIFICATION);
  const condition = queueCondition(v, q, gr0 & GR0_APQN, FUNCTION_DQAP);
  if (condition >= CONDITION_CC) return complete(v, condition - CONDITION_CC);
  if (condition !== 0) return completeStatus(v, statusWithCode(q, condition));
  return deliver(v, q, gr0, r2, room, instruction);
};

/** Position in the first reply where delivery goes on, or -1 for a continuation that was never started (AD-10). */
const positionOf = (cold: number, gr0: number): number => {
  if ((gr0 & DQAP_START) !== 0) return 0;
  const delivered = I32[cold + K_DELIVERED];
  return (gr0 & DQAP_TOKEN_MASK) === DQAP_TOKEN_MARK && delivered > 0 ? delivered : -1;
};

/** Stores as much of the first reply as the operand has room for. Completes the reply, or leaves a token for the rest. */
const deliver = (
  v: number,
  q: number,
  gr0: number,
  r2: number,
  room: number,
  instruction: number,
): number => {
  const cold = I32[q + Q_COLD];
  const position = positionOf(cold, gr0);
  if (position < 0) return completeStatus(v, statusWithCode(q, AP_RESPONSE_NO_FIRST_PART));
  if (I32[q + Q_REPLY_HEAD] === I32[q + Q_REPLY_TAIL]) {
    return completeStatus(v, statusWithCode(q, AP_RESPONSE_NO_PENDING_REPLY));
  }
  const slot = firstReply(q);
  const header = slotHeader(q, slot);
  const rest = I32[header + L_LENGTH] - position;
  const low = I32[r2 + 1] & addressMask(v);
  const most = bytesToBoundary(low, Math.min(rest, room));
  const bytes = bytesToFault(v, q, gr0 & GR0_APQN, FUNCTION_DQAP, low, most);
  const source = (header << 2) + SLOT_HEADER_BYTES + position;
  const code = storeGuest(v, addressHigh(v, I32[r2]), low, bytes, source);
  if (code !== 0) return programInterruption(v, code);
  advanceOperand(v, r2, bytes);
  if (bytes < rest)
    return leaveToken(v, q, gr0, position + bytes, rest - bytes, bytes === room ? 1 : 2);
  I32[cold + K_DELIVERED] = 0;
  I32[cold + K_PART] = 0;
  closeIfDone(q, cold);
  remove(v, q, slot, header, instruction);
  return EXECUTE_COMPLETED;
};

/** Ends a partial delivery: GR2 says how much is left, GR0 becomes the token for the rest, and the reply stays first in the queue. */
const leaveToken = (
  v: number,
  q: number,
  gr0: number,
  delivered: number,
  left: number,
  cc: number,
): number => {
  const cold = I32[q + Q_COLD];
  const part = (gr0 & DQAP_START) !== 0 ? 1 : I32[cold + K_PART] + 1;
  I32[cold + K_DELIVERED] = delivered;
  I32[cold + K_PART] = part;
  I32[q + Q_ATTENTION] = I32[q + Q_ATTENTION] | ATTENTION_OPEN;
  I32[v + V_GR + 4] = 0;
  I32[v + V_GR + 5] = left;
  I32[v + V_GR + 1] =
    DQAP_TOKEN_MARK | ((part & DQAP_TOKEN_PART_MASK) << DQAP_TOKEN_PART_SHIFT) | (gr0 & GR0_APQN);
  return complete(v, cc);
};
