// SPDX-License-Identifier: Apache-2.0
// The queue behind an APQN: slots, rings, status word, and what happens to it as time passes.
// Source: docs/reference/ap-architecture.md section 2.4, decisions AD-12a, AD-20, AD-21, AD-30, AD-36.
// Status: status word architected; representation is a choice.

import { AP_RESPONSE_ASSOC_SECRET_NOT_UNIQUE } from '../arch/response-codes.ts';
import { STATUS_EMPTY, STATUS_FULL, STATUS_IRQ, STATUS_REPLIES } from '../arch/status-word.ts';
import {
  AFTER_RESET_DISSOCIATE,
  AFTER_RESET_UNBIND,
  ATTENTION_AQIC,
  ATTENTION_ASYNC,
  ATTENTION_BINDING,
  ATTENTION_OPEN,
  ATTENTION_RESET,
  ATTENTION_SERVICE,
  ATTENTION_TIMED,
  BIND_ASSOCIATED,
  BIND_BOUND,
  BIND_UNBOUND,
  C_QUEUES,
  K_AFTER_RESET,
  K_AQIC_AFTER,
  K_AQIC_DUE,
  K_AQIC_ENABLE,
  K_ASYNC_RC,
  K_BIND,
  K_BIND_DUE,
  K_BIND_SEQUENCE,
  K_DELIVERED,
  K_GISA_BYTE,
  K_HELD,
  K_NIB_BYTE,
  K_OPEN_SLOT,
  K_PART,
  K_RESET_DUE,
  K_SECRET,
  K_SECRET_GUEST,
  K_SERVICE,
  L_DUE,
  L_FLAGS,
  L_LENGTH,
  L_PLACES,
  L_SEQUENCE,
  Q_ALL_FREE,
  Q_ATTENTION,
  Q_COLD,
  Q_FREE,
  Q_REPLY_HEAD,
  Q_REPLY_RING,
  Q_REPLY_TAIL,
  Q_REQUEST_HEAD,
  Q_REQUEST_RING,
  Q_REQUEST_TAIL,
  Q_SLOTS_BYTE,
  Q_STATUS,
  Q_STRIDE_BYTE,
  QUEUE_WORDS,
  RING_BYTES,
  SLOT_BIT_0,
  SLOT_DROP,
  SLOT_DUPLICATE,
  SLOT_REORDER,
  SLOT_SILENT,
} from '../machine/layout.ts';
import { notify } from './notify.ts';
import { copySlot } from './slots.ts';
import { CLOCK, F64, I32, QUEUES, U8 } from './views.ts';

const RING_MASK = RING_BYTES - 1;

/** Byte offset of a slot. */
export const slotByte = (q: number, slot: number): number =>
  (I32[q + Q_SLOTS_BYTE] + Math.imul(slot, I32[q + Q_STRIDE_BYTE])) | 0;

/** Word index of the header of a slot. */
export const slotHeader = (q: number, slot: number): number => slotByte(q, slot) >>> 2;

/** This thread's time in nanoseconds. */
export const now = (): number => F64[CLOCK];

/** Recomputes E, R and F from the slots; keeps I. */
export const refreshStatus = (q: number): void => {
  const free = I32[q + Q_FREE];
  let status = I32[q + Q_STATUS] & STATUS_IRQ;
  if (free === I32[q + Q_ALL_FREE]) status |= STATUS_EMPTY;
  if (free === 0) status |= STATUS_FULL;
  if (I32[q + Q_REPLY_HEAD] !== I32[q + Q_REPLY_TAIL]) status |= STATUS_REPLIES;
  I32[q + Q_STATUS] = status;
};

export const pushReply = (q: number, slot: number): void => {
  const tail = I32[q + Q_REPLY_TAIL];
  U8[((q + Q_REPLY_RING) << 2) + (tail & RING_MASK)] = slot;
  I32[q + Q_REPLY_TAIL] = (tail + 1) | 0;
};

export const firstReply = (q: number): number =>
  U8[((q + Q_REPLY_RING) << 2) + (I32[q + Q_REPLY_HEAD] & RING_MASK)];

export const pushRequest = (q: number, slot: number): void => {
  const tail = I32[q + Q_REQUEST_TAIL];
  U8[((q + Q_REQUEST_RING) << 2) + (tail & RING_MASK)] = slot;
  I32[q + Q_REQUEST_TAIL] = (tail + 1) | 0;
};

/** Slot of the oldest request that waits. The caller knows that there is one. */
export const firstRequest = (q: number): number =>
  U8[((q + Q_REQUEST_RING) << 2) + (I32[q + Q_REQUEST_HEAD] & RING_MASK)];

/** Takes the oldest request for service. Returns its slot, or -1. */
export const takeRequest = (q: number): number => {
  const head = I32[q + Q_REQUEST_HEAD];
  if (head === I32[q + Q_REQUEST_TAIL]) return -1;
  I32[q + Q_REQUEST_HEAD] = (head + 1) | 0;
  return U8[((q + Q_REQUEST_RING) << 2) + (head & RING_MASK)];
};

/** Makes the reply in `slot`, `length` bytes long, available at time `due`; if that has passed, at the next look at the queue. */
export const completeAt = (q: number, slot: number, length: number, due: number): void => {
  const cold = I32[q + Q_COLD];
  const header = slotHeader(q, slot);
  I32[header + L_LENGTH] = length;
  F64[(header + L_DUE) >> 1] = due;
  I32[cold + K_SERVICE] = I32[cold + K_SERVICE] | (SLOT_BIT_0 >>> slot);
  I32[q + Q_ATTENTION] = I32[q + Q_ATTENTION] | ATTENTION_SERVICE;
};

/** Whether nothing on the queue is still to be answered: no request waits and none is in service. */
const idle = (q: number, cold: number): boolean =>
  I32[cold + K_SERVICE] === 0 && I32[q + Q_REQUEST_HEAD] === I32[q + Q_REQUEST_TAIL];

/** Releases the replies that enough later replies have overtaken, or all of them when no later reply can come. */
const releaseHeld = (q: number, cold: number): void => {
  let set = I32[cold + K_HELD];
  const all = idle(q, cold);
  while (set !== 0) {
    const slot = Math.clz32(set);
    set &= ~(SLOT_BIT_0 >>> slot);
    const places = slotHeader(q, slot) + L_PLACES;
    const left = I32[places] - 1;
    I32[places] = left;
    if (left <= 0 || all) {
      I32[cold + K_HELD] = I32[cold + K_HELD] & ~(SLOT_BIT_0 >>> slot);
      pushReply(q, slot);
    }
  }
};

/** Ends the service of a message. Its reply waits for DQAP; or faults hold it back, double it or discard it. */
const finish = (q: number, cold: number, slot: number): void => {
  const flags = I32[slotHeader(q, slot) + L_FLAGS];
  if ((flags & SLOT_DROP) !== 0) {
    I32[q + Q_FREE] = I32[q + Q_FREE] | (SLOT_BIT_0 >>> slot);
  } else if ((flags & SLOT_REORDER) !== 0 && !idle(q, cold)) {
    I32[cold + K_HELD] = I32[cold + K_HELD] | (SLOT_BIT_0 >>> slot);
    return;
  } else {
    pushReply(q, slot);
    const twin = (flags & SLOT_DUPLICATE) !== 0 ? copySlot(q, slot) : -1;
    if (twin >= 0) pushReply(q, twin);
  }
  if (I32[cold + K_HELD] !== 0) releaseHeld(q, cold);
  refreshStatus(q);
  const signal = STATUS_IRQ | STATUS_REPLIES;
  if ((flags & SLOT_SILENT) !== 0) return;
  if ((I32[q + Q_STATUS] & signal) === signal) notify(q);
};

/** Slot whose reply is due first (ties: accepted first), or -1 when nothing is in service. */
const nextInService = (q: number, cold: number): number => {
  let set = I32[cold + K_SERVICE];
  let best = -1;
  let bestDue = Number.POSITIVE_INFINITY;
  let bestSequence = 0;
  while (set !== 0) {
    const slot = Math.clz32(set);
    set &= ~(SLOT_BIT_0 >>> slot);
    const header = slotHeader(q, slot);
    const due = F64[(header + L_DUE) >> 1];
    const sequence = I32[header + L_SEQUENCE];
    if (due < bestDue || (due === bestDue && sequence - bestSequence < 0)) {
      best = slot;
      bestDue = due;
      bestSequence = sequence;
    }
  }
  return best;
};

const serviceDue = (q: number, cold: number): number => {
  const slot = nextInService(q, cold);
  return slot < 0 ? Number.POSITIVE_INFINITY : F64[(slotHeader(q, slot) + L_DUE) >> 1];
};

/** Time of the next thing that happens to the queue by itself, in nanoseconds; Infinity when nothing will. */
export const nextDue = (q: number): number => {
  const attention = I32[q + Q_ATTENTION];
  const cold = I32[q + Q_COLD];
  let due = Number.POSITIVE_INFINITY;
  if (attention & ATTENTION_RESET) due = Math.min(due, F64[(cold + K_RESET_DUE) >> 1]);
  if (attention & ATTENTION_AQIC) due = Math.min(due, F64[(cold + K_AQIC_DUE) >> 1]);
  if (attention & ATTENTION_BINDING) due = Math.min(due, F64[(cold + K_BIND_DUE) >> 1]);
  if (attention & ATTENTION_SERVICE) due = Math.min(due, serviceDue(q, cold));
  return due;
};

const clearAttention = (q: number, bit: number): void => {
  I32[q + Q_ATTENTION] = I32[q + Q_ATTENTION] & ~bit;
};

const endReset = (q: number, cold: number): void => {
  clearAttention(q, ATTENTION_RESET);
  const after = I32[cold + K_AFTER_RESET];
  if (after === AFTER_RESET_UNBIND) unbind(cold);
  else if (after === AFTER_RESET_DISSOCIATE && I32[cold + K_BIND] === BIND_ASSOCIATED)
    I32[cold + K_BIND] = BIND_BOUND;
  refreshStatus(q);
};

/** Ends the queue's binding to a secure-execution guest. */
export const unbind = (cold: number): void => {
  I32[cold + K_BIND] = BIND_UNBOUND;
};

const endAqic = (q: number, cold: number): void => {
  clearAttention(q, ATTENTION_AQIC);
  if (I32[cold + K_AQIC_ENABLE] !== 0) {
    I32[q + Q_STATUS] = I32[q + Q_STATUS] | STATUS_IRQ;
    // A reply that is there already is notified at once (AD-21b).
    if ((I32[q + Q_STATUS] & STATUS_REPLIES) !== 0) notify(q);
  } else {
    disableInterruptions(q);
  }
};

/** Disables interruptions and forgets where notifications go. */
export const disableInterruptions = (q: number): void => {
  const cold = I32[q + Q_COLD];
  I32[q + Q_STATUS] = I32[q + Q_STATUS] & ~STATUS_IRQ;
  I32[cold + K_NIB_BYTE] = 0;
  I32[cold + K_GISA_BYTE] = 0;
};

/** Whether `other` is associated at the time the association of `cold` ends: already now, or because its own ends before. */
const associatedBefore = (q: number, other: number, cold: number): boolean => {
  if (I32[other + K_BIND] === BIND_ASSOCIATED) return true;
  if ((I32[q + Q_ATTENTION] & ATTENTION_BINDING) === 0) return false;
  const lead = F64[(other + K_BIND_DUE) >> 1] - F64[(cold + K_BIND_DUE) >> 1];
  return lead < 0 || (lead === 0 && I32[other + K_BIND_SEQUENCE] < I32[cold + K_BIND_SEQUENCE]);
};

/** Whether another queue is associated with the same secret of the same guest. */
const secretTaken = (cold: number): boolean => {
  const end = QUEUES + I32[C_QUEUES] * QUEUE_WORDS;
  for (let q = QUEUES + QUEUE_WORDS; q < end; q += QUEUE_WORDS) {
    const other = I32[q + Q_COLD];
    const same =
      I32[other + K_SECRET_GUEST] === I32[cold + K_SECRET_GUEST] &&
      I32[other + K_SECRET] === I32[cold + K_SECRET];
    if (other !== cold && same && associatedBefore(q, other, cold)) return true;
  }
  return false;
};

/** Makes every instruction but a reset end with this response code and A = 1 from now on (section 2.1). */
export const raiseAsyncError = (q: number, rc: number): void => {
  I32[I32[q + Q_COLD] + K_ASYNC_RC] = rc;
  I32[q + Q_ATTENTION] = I32[q + Q_ATTENTION] | ATTENTION_ASYNC;
};

/** Ends the running association. That the secret is in use already shows only now, as an asynchronous error. */
const endBinding = (q: number, cold: number): void => {
  clearAttention(q, ATTENTION_BINDING);
  if (secretTaken(cold)) raiseAsyncError(q, AP_RESPONSE_ASSOC_SECRET_NOT_UNIQUE);
  else I32[cold + K_BIND] = BIND_ASSOCIATED;
};

const endService = (q: number, cold: number): void => {
  const slot = nextInService(q, cold);
  const set = I32[cold + K_SERVICE] & ~(SLOT_BIT_0 >>> slot);
  I32[cold + K_SERVICE] = set;
  if (set === 0) clearAttention(q, ATTENTION_SERVICE);
  finish(q, cold, slot);
};

/** Whether the next thing at time `due` is the change of AQIC, and not the reply of a message that was accepted before it. */
const aqicIsNext = (q: number, cold: number, due: number): boolean => {
  if ((I32[q + Q_ATTENTION] & ATTENTION_AQIC) === 0 || F64[(cold + K_AQIC_DUE) >> 1] !== due)
    return false;
  const slot = nextInService(q, cold);
  if (slot < 0) return true;
  const header = slotHeader(q, slot);
  const before = I32[header + L_SEQUENCE] - I32[cold + K_AQIC_AFTER] <= 0;
  return !(before && F64[(header + L_DUE) >> 1] === due);
};

/** Does all that is due by `time`, in the order of due times. */
export const settle = (q: number, time: number): void => {
  const cold = I32[q + Q_COLD];
  while ((I32[q + Q_ATTENTION] & ATTENTION_TIMED) !== 0) {
    const due = nextDue(q);
    if (due > time) return;
    const attention = I32[q + Q_ATTENTION];
    if (attention & ATTENTION_RESET && F64[(cold + K_RESET_DUE) >> 1] === due) endReset(q, cold);
    else if (aqicIsNext(q, cold, due)) endAqic(q, cold);
    else if (attention & ATTENTION_BINDING && F64[(cold + K_BIND_DUE) >> 1] === due)
      endBinding(q, cold);
    else endService(q, cold);
  }
};

/** Lets the queue use the fast paths again when neither a message nor a reply is half moved. */
export const closeIfDone = (q: number, cold: number): void => {
  if (I32[cold + K_OPEN_SLOT] === 0 && I32[cold + K_DELIVERED] === 0)
    clearAttention(q, ATTENTION_OPEN);
};

/** Discards every message and open part, and disables interruptions: what a reset does at once (section 1.5, AD-12a). */
export const flush = (q: number): void => {
  const cold = I32[q + Q_COLD];
  I32[q + Q_FREE] = I32[q + Q_ALL_FREE];
  I32[q + Q_REPLY_HEAD] = I32[q + Q_REPLY_TAIL];
  I32[q + Q_REQUEST_HEAD] = I32[q + Q_REQUEST_TAIL];
  I32[cold + K_SERVICE] = 0;
  I32[cold + K_HELD] = 0;
  I32[cold + K_DELIVERED] = 0;
  I32[cold + K_PART] = 0;
  I32[cold + K_OPEN_SLOT] = 0;
  I32[q + Q_ATTENTION] =
    I32[q + Q_ATTENTION] &
    ~(ATTENTION_SERVICE | ATTENTION_AQIC | ATTENTION_OPEN | ATTENTION_BINDING);
  disableInterruptions(q);
  refreshStatus(q);
};
