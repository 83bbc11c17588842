// SPDX-License-Identifier: Apache-2.0
// From an APQN to a queue in a given state: masks, precedence of queue states, faults.
// Source: docs/reference/ap-architecture.md sections 2.4, 6.3, decisions AD-12, AD-13, AD-15 steps 7 and 8.
// Status: architected; the precedence is a choice (AD-13).

import { FACILITY_SE } from '../arch/facilities.ts';
import { FC_AAPQ, FC_RAPQ, FC_TAPQ, FC_ZAPQ, GR0_APQN } from '../arch/function-codes.ts';
import { FUNCTION_DQAP, FUNCTION_NQAP } from '../arch/function-numbers.ts';
import {
  AP_RESPONSE_BUSY,
  AP_RESPONSE_CHECKSTOPPED,
  AP_RESPONSE_DECONFIGURED,
  AP_RESPONSE_Q_NOT_AVAIL,
  AP_RESPONSE_Q_NOT_BOUND,
  AP_RESPONSE_RESET_IN_PROGRESS,
  AP_RESPONSE_STATE_CHANGE_IN_PROGRESS,
} from '../arch/response-codes.ts';
import { STATUS_EMPTY, STATUS_RC_SHIFT } from '../arch/status-word.ts';
import {
  ATTENTION_ABSENT,
  ATTENTION_ASYNC,
  ATTENTION_BINDING,
  ATTENTION_BUSY,
  ATTENTION_CHECKSTOPPED,
  ATTENTION_DECONFIGURED,
  ATTENTION_RESET,
  BIND_UNBOUND,
  F_ACTION,
  F_VALUE,
  FAULT_CC,
  K_ASYNC_RC,
  K_BIND,
  MASK_AQM,
  Q_ATTENTION,
  Q_COLD,
  Q_STATUS,
  V_FACILITIES,
  V_GUEST,
  V_TRUE_MASKS,
} from '../machine/layout.ts';
import { faulty, findEnding } from './faults.ts';
import { now, raiseAsyncError, settle } from './queue.ts';
import { OWN_FLAGS, SHOWN_FLAGS } from './response-rules.ts';
import { I32, INDEX, QUEUES, STAND_IN } from './views.ts';

/** Answer of `queueCondition`: nothing stands in the way of the function. */
const OPERATIONAL = 0;
/** Answer of `queueCondition`: an injected fault ends the instruction with condition code `value & 3`, and nothing is done. */
export const CONDITION_CC = 0x100;

/**
 * The result is negative when both the APM and the AQM bit of the APQN are on in the effective masks at word `masks`. Records of masks
 * start at multiples of MASK_WORDS, so that the index of a word can be made with OR: with additions the compiler would make addresses of
 * three parts, which x86 processors compute more slowly.
 */
export const authorized = (masks: number, gr0: number): number =>
  (I32[masks | ((gr0 >>> 13) & 7)] << ((gr0 >>> 8) & 31)) &
  (I32[masks | MASK_AQM | ((gr0 >>> 5) & 7)] << (gr0 & 31));

/**
 * Makes every APQN of this thread's vCPU mean queue record `q`, for as long as an intercepted instruction is executed. With 0, APQNs mean
 * the machine's queues again.
 */
export const standInFor = (q: number): void => {
  I32[STAND_IN] = q;
};

/** Queue record of the APQN in GR0; when the APQN is not available to this vCPU, the record that stands for absent queues. */
export const findQueue = (v: number, gr0: number): number =>
  authorized(I32[v + V_TRUE_MASKS], gr0) < 0
    ? I32[STAND_IN] || I32[INDEX + (gr0 & GR0_APQN)]
    : QUEUES;

/** Response code that the queue's state gives to function `fn`, by AD-13; OPERATIONAL when the state does not prevent it. */
export const stateCode = (v: number, q: number, fn: number): number => {
  const attention = I32[q + Q_ATTENTION];
  const cold = I32[q + Q_COLD];
  if (attention & ATTENTION_ASYNC && fn !== FC_RAPQ && fn !== FC_ZAPQ)
    return I32[cold + K_ASYNC_RC];
  if (attention & ATTENTION_DECONFIGURED) return AP_RESPONSE_DECONFIGURED;
  if (attention & ATTENTION_CHECKSTOPPED) return AP_RESPONSE_CHECKSTOPPED;
  if (attention & ATTENTION_RESET) return AP_RESPONSE_RESET_IN_PROGRESS;
  if (attention & ATTENTION_BINDING && fn !== FC_TAPQ) return AP_RESPONSE_STATE_CHANGE_IN_PROGRESS;
  if (needsBinding(v, cold, fn)) return AP_RESPONSE_Q_NOT_BOUND;
  if (attention & ATTENTION_BUSY) return AP_RESPONSE_BUSY;
  return OPERATIONAL;
};

/** Whether the queue has to be bound first: a secure-execution guest may exchange messages and associate on bound queues only. */
const needsBinding = (v: number, cold: number, fn: number): boolean =>
  (I32[v + V_FACILITIES] & FACILITY_SE) !== 0 &&
  (fn === FUNCTION_NQAP || fn === FUNCTION_DQAP || fn === FC_AAPQ) &&
  I32[cold + K_BIND] === BIND_UNBOUND;

/**
 * Tells whether function `fn` can be done on queue `q`: OPERATIONAL, a response code, or CONDITION_CC + condition code. That the queue is
 * not available counts first, then an injected fault, then the queue's own state (AD-13).
 */
export const queueCondition = (v: number, q: number, apqn: number, fn: number): number => {
  const attention = I32[q + Q_ATTENTION];
  if (attention & ATTENTION_ABSENT) return AP_RESPONSE_Q_NOT_AVAIL;
  settle(q, now());
  const guest = I32[v + V_GUEST];
  if (faulty(q, guest)) {
    const fault = findEnding(guest, apqn, fn);
    if (fault !== 0) return faultCondition(q, fault);
  }
  return stateCode(v, q, fn);
};

const faultCondition = (q: number, fault: number): number => {
  const value = I32[fault + F_VALUE];
  if (I32[fault + F_ACTION] === FAULT_CC) return CONDITION_CC + value;
  if (OWN_FLAGS[value] !== 0) raiseAsyncError(q, value);
  return value;
};

/** Status word that is shown with a response code on this queue (AD-12, AD-12a). */
export const statusWithCode = (q: number, rc: number): number => {
  const resetting = (I32[q + Q_ATTENTION] & ATTENTION_RESET) !== 0;
  const flags = resetting ? STATUS_EMPTY : I32[q + Q_STATUS];
  return (flags & SHOWN_FLAGS[rc]) | OWN_FLAGS[rc] | (rc << STATUS_RC_SHIFT);
};
