// SPDX-License-Identifier: Apache-2.0
// Messages of virtual queues on real ones: they are sent with a tag in place of the PSMID, looked for by it, and brought back into the
// slot they came from. Callers hold the locks of both queues and have taken the virtual queue's first.
// Source: docs/reference/vfio-ap.md section 8.3 (V-06, V-07, V-09). Status: choice.
import { FUNCTION_NQAP } from '../arch/function-numbers.ts';
import { STATUS_IRQ, STATUS_REPLIES } from '../arch/status-word.ts';
import {
  DEVICE_LOOPBACK,
  K_APQN,
  K_HELD,
  K_REQUESTS,
  K_SHARED,
  L_ACCEPTED,
  L_DELAY,
  L_DUE,
  L_FLAGS,
  L_LENGTH,
  L_PSMID_HIGH,
  L_PSMID_LOW,
  L_REPLY,
  L_SENDER,
  L_SEQUENCE,
  Q_ALL_FREE,
  Q_COLD,
  Q_DEVICE,
  Q_FREE,
  Q_REPLY_HEAD,
  Q_REPLY_RING,
  Q_REPLY_TAIL,
  Q_SLOTS_BYTE,
  Q_STATUS,
  RING_BYTES,
  SLOT_BIT_0,
  SLOT_DROP,
  SLOT_HEADER_BYTES,
} from '../machine/layout.ts';
import {
  L_REAL_QUEUE,
  L_REAL_SLOT,
  L_TAG,
  TAG_GONE,
  TAG_PSMID_HIGH,
  TAG_READY,
  TAG_UNDER_WAY,
} from '../machine/virtual-layout.ts';
import { faulty, findMessageFault } from './faults.ts';
import { notify } from './notify.ts';
import { markMessage } from './nqap.ts';
import {
  completeAt,
  now,
  pushReply,
  pushRequest,
  refreshStatus,
  slotByte,
  slotHeader,
} from './queue.ts';
import { takeSlots } from './slots.ts';
import { copyBytes } from './storage.ts';
import { F64, GUESTS, I32, MASKS, markPending, U8 } from './views.ts';

const RING_MASK = RING_BYTES - 1;

/** Whether a real queue can take one more message; takes its slots from the pool when it has none yet. */
export const hasRoom = (real: number): boolean =>
  I32[real + Q_FREE] !== 0 && (I32[real + Q_SLOTS_BYTE] !== 0 || takeSlots(real));

/** Puts the message in `slot` of the virtual queue `q` on the real queue, which must have room. `tag` identifies the message there. */
export const forward = (q: number, slot: number, real: number, tag: number): void => {
  const free = I32[real + Q_FREE];
  const realSlot = Math.clz32(free);
  const from = slotHeader(q, slot);
  const to = slotHeader(real, realSlot);
  const cold = I32[real + Q_COLD];
  const length = I32[from + L_LENGTH];
  copyBytes((to << 2) + SLOT_HEADER_BYTES, (from << 2) + SLOT_HEADER_BYTES, length);
  I32[to + L_PSMID_HIGH] = TAG_PSMID_HIGH;
  I32[to + L_PSMID_LOW] = tag;
  I32[to + L_LENGTH] = length;
  I32[to + L_FLAGS] = I32[from + L_FLAGS];
  for (let n = 0; n < 3; n++) I32[to + L_REPLY + n] = I32[from + L_REPLY + n];
  // The host is the sender, so the host's masks decide which domains the request may name.
  I32[to + L_SENDER] = MASKS;
  F64[(to + L_ACCEPTED) >> 1] = now();
  F64[(to + L_DELAY) >> 1] = F64[(from + L_DELAY) >> 1];
  const requests = (I32[cold + K_REQUESTS] + 1) | 0;
  I32[cold + K_REQUESTS] = requests;
  I32[cold + K_SHARED] = (I32[cold + K_SHARED] + 1) | 0;
  I32[to + L_SEQUENCE] = requests;
  I32[real + Q_FREE] = free & ~(SLOT_BIT_0 >>> realSlot);
  I32[from + L_REAL_QUEUE] = real;
  I32[from + L_REAL_SLOT] = realSlot;
  I32[from + L_TAG] = tag;
  strike(real, cold, to);
  if (I32[real + Q_DEVICE] === DEVICE_LOOPBACK) completeAt(real, realSlot, length, now());
  else pushRequest(real, realSlot);
  markPending(real);
  refreshStatus(real);
};

/** Lets faults of the real queue strike a message of an engine, as they strike messages of guests. */
const strike = (real: number, cold: number, header: number): void => {
  if (!faulty(real, GUESTS)) return;
  const apqn = I32[cold + K_APQN];
  const fault = findMessageFault(GUESTS, apqn, FUNCTION_NQAP, real, header);
  if (fault !== 0) markMessage(header, fault);
};

/** What has become of the message with `tag` that was put into `realSlot` of a real queue: TAG_*. */
export const whereabouts = (real: number, realSlot: number, tag: number): number => {
  const bit = SLOT_BIT_0 >>> realSlot;
  if (I32[real + Q_SLOTS_BYTE] === 0 || (I32[real + Q_FREE] & bit) !== 0) return TAG_GONE;
  const header = slotHeader(real, realSlot);
  if (I32[header + L_PSMID_HIGH] !== TAG_PSMID_HIGH || I32[header + L_PSMID_LOW] !== tag)
    return TAG_GONE;
  return ringPosition(real, realSlot) < 0 ? TAG_UNDER_WAY : TAG_READY;
};

/** Position of a slot among the replies that wait, -1 when it is not one of them. */
const ringPosition = (real: number, realSlot: number): number => {
  const tail = I32[real + Q_REPLY_TAIL];
  for (let at = I32[real + Q_REPLY_HEAD]; at !== tail; at = (at + 1) | 0)
    if (U8[((real + Q_REPLY_RING) << 2) + (at & RING_MASK)] === realSlot) return at;
  return -1;
};

/** Takes a reply out of the ring, wherever it stands there; those before it move up by one. Its slot becomes free. */
const removeReply = (real: number, realSlot: number): void => {
  const ring = (real + Q_REPLY_RING) << 2;
  const head = I32[real + Q_REPLY_HEAD];
  let at = ringPosition(real, realSlot);
  for (; at !== head; at = (at - 1) | 0)
    U8[ring + (at & RING_MASK)] = U8[ring + ((at - 1) & RING_MASK)];
  I32[real + Q_REPLY_HEAD] = (head + 1) | 0;
  I32[real + Q_FREE] = I32[real + Q_FREE] | (SLOT_BIT_0 >>> realSlot);
  refreshStatus(real);
};

/** Time at which the reply of a message was ready, in nanoseconds: replies are brought back in this order. */
export const readySince = (real: number, realSlot: number): number =>
  F64[(slotHeader(real, realSlot) + L_DUE) >> 1];

/** Copies a reply that waits on a real queue into the slot its request came from, and frees its slot on the real queue. */
export const bringBack = (q: number, slot: number, real: number, realSlot: number): void => {
  const from = slotByte(real, realSlot);
  const to = slotByte(q, slot);
  const length = I32[(from >>> 2) + L_LENGTH];
  I32[(to >>> 2) + L_LENGTH] = length;
  copyBytes(to + SLOT_HEADER_BYTES, from + SLOT_HEADER_BYTES, length);
  removeReply(real, realSlot);
};

/** Gives up a message whose reply nobody wants any more: the reply is discarded as soon as it is there. */
export const abandon = (real: number, realSlot: number, tag: number): void => {
  const where = whereabouts(real, realSlot, tag);
  if (where === TAG_READY) removeReply(real, realSlot);
  if (where !== TAG_UNDER_WAY) return;
  const header = slotHeader(real, realSlot);
  const cold = I32[real + Q_COLD];
  const bit = SLOT_BIT_0 >>> realSlot;
  I32[header + L_FLAGS] = I32[header + L_FLAGS] | SLOT_DROP;
  // A reply that a fault holds back is there already, so it is discarded now.
  if ((I32[cold + K_HELD] & bit) === 0) return;
  I32[cold + K_HELD] = I32[cold + K_HELD] & ~bit;
  I32[real + Q_FREE] = I32[real + Q_FREE] | bit;
  refreshStatus(real);
};

/** Makes the reply in `slot` of a virtual queue available to DQAP and notifies the guest. */
export const offerReply = (q: number, slot: number): void => {
  pushReply(q, slot);
  refreshStatus(q);
  const signal = STATUS_IRQ | STATUS_REPLIES;
  if ((I32[q + Q_STATUS] & signal) === signal) notify(q);
};

/** How many messages of a real queue wait for the adapter or are in service. */
export const pendingOn = (real: number): number => {
  let used = ~I32[real + Q_FREE] & I32[real + Q_ALL_FREE];
  let count = 0;
  for (; used !== 0; used &= used - 1) count++;
  const waiting = (I32[real + Q_REPLY_TAIL] - I32[real + Q_REPLY_HEAD]) | 0;
  return count - waiting;
};
