// SPDX-License-Identifier: Apache-2.0
// Injected faults: whether one applies to an instruction, and which. They are looked for only where a queue or a guest is marked.
// Source: docs/design.md sections 2, 5 and 6. Status: choice.
import {
  ATTENTION_FAULT,
  C_FAULT_COUNT,
  F_ACTION,
  F_ACTIVE,
  F_AT,
  F_CHANCE,
  F_COUNT,
  F_FUNCTIONS,
  F_ID,
  F_RANDOM,
  F_REQUEST,
  F_SCOPE,
  FAULT_BOUNDARY,
  FAULT_CC,
  FAULT_DELAY,
  FAULT_DROP,
  FAULT_RC,
  FAULT_REORDER,
  FAULT_REPLY,
  FAULT_WORDS,
  G_FAULTS,
  K_MODE,
  L_LENGTH,
  Q_ATTENTION,
  Q_COLD,
  SCOPE_APQN,
  SCOPE_GUEST,
  SLOT_HEADER_BYTES,
} from '../machine/layout.ts';
import { now } from './queue.ts';
import { F64, FAULTS, I32, requestFunction } from './views.ts';

/** Actions that take the instruction's place: it ends with a response code or a condition code. */
const ENDINGS = (1 << FAULT_RC) | (1 << FAULT_CC);
/** Actions on the message that the instruction has put on the queue. */
const MESSAGES = (1 << FAULT_DROP) | (1 << FAULT_DELAY) | (1 << FAULT_REORDER) | (1 << FAULT_REPLY);
/** Actions that stop the instruction at a boundary of its operand. */
export const BOUNDARIES = 1 << FAULT_BOUNDARY;

/** Next number of a fault's own generator (xorshift32), 0 to 2^32 - 1. Each fault has its own, so that a seed decides every outcome. */
const draw = (fault: number): number => {
  let x = I32[fault + F_RANDOM];
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  I32[fault + F_RANDOM] = x;
  return x >>> 0;
};

const inScope = (fault: number, guest: number, apqn: number): boolean => {
  const scope = I32[fault + F_SCOPE];
  if (scope === SCOPE_GUEST) return I32[fault + F_ID] === guest;
  if (scope === SCOPE_APQN) return I32[fault + F_ID] === apqn;
  return true;
};

/** The lowest value a count can have. A fault without a limit that has struck this often is not counted any further. */
const COUNT_MIN = 0x80000000 | 0;

/**
 * Whether the fault strikes now. If so, its count goes down by one: a limited one ends at 0; one without a limit goes on below -1, which
 * tells how often it has struck. Threads that execute at the same time share the count.
 */
export const strikes = (fault: number): boolean => {
  if (now() < F64[(fault + F_AT) >> 1]) return false;
  const chance = I32[fault + F_CHANCE] >>> 0;
  if (chance !== 0 && draw(fault) >= chance) return false;
  let count = I32[fault + F_COUNT];
  while (count !== 0 && count !== COUNT_MIN) {
    const seen = Atomics.compareExchange(I32, fault + F_COUNT, count, count - 1);
    if (seen === count) break;
    count = seen;
  }
  if (count === 1) I32[fault + F_ACTIVE] = 0;
  return count !== 0;
};

/** Whether any fault may concern this queue or this guest (word indices of their records). */
export const faulty = (q: number, guest: number): boolean =>
  (I32[q + Q_ATTENTION] & ATTENTION_FAULT) !== 0 || I32[guest + G_FAULTS] !== 0;

/**
 * The next fault after `fault` (0: the first) that concerns function `fn` (FUNCTION_*) of `guest` (record word index) on `apqn`
 * and does one of `actions`: its word index, or 0.
 */
export const nextFault = (
  fault: number,
  guest: number,
  apqn: number,
  fn: number,
  actions: number,
): number => {
  const end = FAULTS + I32[C_FAULT_COUNT] * FAULT_WORDS;
  for (let next = fault === 0 ? FAULTS : fault + FAULT_WORDS; next < end; next += FAULT_WORDS) {
    if (I32[next + F_ACTIVE] === 0) continue;
    if ((I32[next + F_FUNCTIONS] & (1 << fn)) === 0) continue;
    if (((1 << I32[next + F_ACTION]) & actions) === 0) continue;
    if (inScope(next, guest, apqn)) return next;
  }
  return 0;
};

/** The first fault that replaces the instruction (response code, condition code), or 0. */
export const findEnding = (guest: number, apqn: number, fn: number): number => {
  let fault = nextFault(0, guest, apqn, fn, ENDINGS);
  while (fault !== 0 && !strikes(fault)) fault = nextFault(fault, guest, apqn, fn, ENDINGS);
  return fault;
};

/** The first fault that strikes the message whose slot header is at word `header` of queue `q`, or 0 (CD-14). */
export const findMessageFault = (
  guest: number,
  apqn: number,
  fn: number,
  q: number,
  header: number,
): number => {
  let fault = nextFault(0, guest, apqn, fn, MESSAGES);
  while (fault !== 0 && !(asksFor(fault, q, header) && strikes(fault)))
    fault = nextFault(fault, guest, apqn, fn, MESSAGES);
  return fault;
};

/** Whether the message asks for the function a reply fault names. */
const asksFor = (fault: number, q: number, header: number): boolean => {
  const wanted = I32[fault + F_REQUEST];
  if (wanted === 0) return true;
  if (requestFunction === undefined) return false;
  const mode = I32[I32[q + Q_COLD] + K_MODE];
  const payload = (header << 2) + SLOT_HEADER_BYTES;
  return requestFunction(mode, payload, I32[header + L_LENGTH]) === wanted;
};
