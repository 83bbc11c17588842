// SPDX-License-Identifier: Apache-2.0
// BAPQ and AAPQ: a secure-execution guest binds a queue and associates a secret with it.
// Source: docs/reference/ap-architecture.md sections 1.4, 2.1, 2.4 and 5.6. Status: states architected; which code answers
// which misuse is inferred from the names of the codes.
import { GR2_A, GR2_X } from '../arch/registers.ts';
import {
  AP_RESPONSE_INVALID_ASSOC_SECRET,
  AP_RESPONSE_NORMAL,
  AP_RESPONSE_Q_BIND_ERROR,
  AP_RESPONSE_Q_NOT_AVAIL_FOR_ASSOC,
  AP_RESPONSE_Q_NOT_EMPTY,
} from '../arch/response-codes.ts';
import {
  ATTENTION_BINDING,
  BIND_BOUND,
  BIND_UNBOUND,
  C_BIND_SEQUENCE,
  C_TIME_BIND,
  G_SECRET_LIST,
  G_SECRETS,
  K_BIND,
  K_BIND_DUE,
  K_BIND_SEQUENCE,
  K_SECRET,
  K_SECRET_GUEST,
  Q_ALL_FREE,
  Q_ATTENTION,
  Q_COLD,
  Q_FREE,
  Q_GR2_HIGH,
  V_GR,
  V_GUEST,
} from '../machine/layout.ts';
import { statusWithCode } from './availability.ts';
import { completeStatus } from './ending.ts';
import { now, settle } from './queue.ts';
import { F64, I32, markPending } from './views.ts';

/**
 * Binds an operational queue and returns the response code. A queue that is bound already stays as it is. A queue with neither A nor X in
 * its facilities cannot be bound (section 5.6).
 */
const bindCode = (q: number): number => {
  const cold = I32[q + Q_COLD];
  if ((I32[q + Q_GR2_HIGH] & (GR2_A | GR2_X)) === 0) return AP_RESPONSE_Q_BIND_ERROR;
  if (I32[cold + K_BIND] === BIND_UNBOUND) I32[cold + K_BIND] = BIND_BOUND;
  return AP_RESPONSE_NORMAL;
};

/** Executes BAPQ. `rc` is the response code that the queue's state asks for. */
export const bapq = (v: number, q: number, rc: number): number =>
  completeStatus(v, statusWithCode(q, rc === AP_RESPONSE_NORMAL ? bindCode(q) : rc));

const secretKnown = (guest: number, index: number): boolean => {
  for (let n = I32[guest + G_SECRETS] - 1; n >= 0; n--) {
    if (I32[guest + G_SECRET_LIST + n] === index) return true;
  }
  return false;
};

const associateCode = (v: number, q: number): number => {
  const cold = I32[q + Q_COLD];
  const index = I32[v + V_GR + 5] & 0xffff;
  const associable = (I32[q + Q_GR2_HIGH] & GR2_X) !== 0 && I32[cold + K_BIND] === BIND_BOUND;
  if (!associable) return AP_RESPONSE_Q_NOT_AVAIL_FOR_ASSOC;
  if (I32[q + Q_FREE] !== I32[q + Q_ALL_FREE]) return AP_RESPONSE_Q_NOT_EMPTY;
  if (!secretKnown(I32[v + V_GUEST], index)) return AP_RESPONSE_INVALID_ASSOC_SECRET;
  startAssociation(q, cold, index, I32[v + V_GUEST]);
  return AP_RESPONSE_NORMAL;
};

const startAssociation = (q: number, cold: number, index: number, guest: number): void => {
  const duration = F64[C_TIME_BIND >> 1];
  const sequence = (I32[C_BIND_SEQUENCE] + 1) | 0;
  I32[C_BIND_SEQUENCE] = sequence;
  I32[cold + K_BIND_SEQUENCE] = sequence;
  I32[cold + K_SECRET] = index;
  I32[cold + K_SECRET_GUEST] = guest;
  F64[(cold + K_BIND_DUE) >> 1] = now() + duration;
  I32[q + Q_ATTENTION] = I32[q + Q_ATTENTION] | ATTENTION_BINDING;
  markPending(q);
  if (duration === 0) settle(q, now());
};

/** Executes AAPQ. `rc` is the response code that the queue's state asks for. */
export const aapq = (v: number, q: number, rc: number): number =>
  completeStatus(v, statusWithCode(q, rc === AP_RESPONSE_NORMAL ? associateCode(v, q) : rc));
