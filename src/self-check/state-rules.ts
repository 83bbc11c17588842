// SPDX-License-Identifier: Apache-2.0
// Rules about the machine image at rest: queues consistent in themselves, masks derived as they must be, pins counted.
// Source: docs/reference/ap-architecture.md sections 1.10, 2.4, 6.3; native-like/machine/layout.ts.

import { STATUS_EMPTY, STATUS_FULL, STATUS_REPLIES } from '../../native-like/arch/status-word.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  ATTENTION_ABSENT,
  ATTENTION_SERVICE,
  C_HOST_SWITCHES,
  C_POOL_BYTE,
  C_POOL_END_BYTE,
  G_PINS,
  HOST_LEAKS_AQIC,
  K_DELIVERED,
  K_HELD,
  K_SAVED_ISC,
  K_SERVICE,
  L_LENGTH,
  Q_ALL_FREE,
  Q_ATTENTION,
  Q_FREE,
  Q_LIMIT,
  Q_REPLY_HEAD,
  Q_REPLY_RING,
  Q_REPLY_TAIL,
  Q_REQUEST_HEAD,
  Q_REQUEST_RING,
  Q_REQUEST_TAIL,
  Q_SLOTS_BYTE,
  Q_STATUS,
  Q_STRIDE_BYTE,
  RING_BYTES,
} from '../../native-like/machine/layout.ts';
import { formatApqn } from '../config/units.ts';
import { SAVED_GUEST_SHIFT } from '../vfio-ap/aqic-resources.ts';
import { type MaskName, maskWords, mayReach, wordBit } from './reach.ts';
import { hex, type Violation, violated } from './rules.ts';

/** The bit of slot `n`. */
const slotBit = (slot: number): number => 0x80000000 >>> slot;
/** Bits of a queue's status that may be on: E, R, F, I. */
const QUEUE_STATUS_BITS = 0xe1000000 | 0;

const nameOf = (image: MachineImage, q: number): string => formatApqn(image.apqnOf(q));

/** Slot numbers in a ring from `head` to `tail`; undefined: the counts are impossible. */
const ringSlots = (
  image: MachineImage,
  ring: number,
  head: number,
  tail: number,
): number[] | undefined => {
  const length = (tail - head) | 0;
  if (length < 0 || length > RING_BYTES) return undefined;
  return Array.from({ length }, (_, n) => image.u8[(ring << 2) + ((head + n) & (RING_BYTES - 1))]);
};

/** Byte offset of a slot. */
export const slotByte = (image: MachineImage, q: number, slot: number): number =>
  image.word(q + Q_SLOTS_BYTE) + slot * image.word(q + Q_STRIDE_BYTE);

/** Slot of the reply a DQAP would deliver, or undefined. */
const headReply = (image: MachineImage, q: number): number | undefined => {
  const head = image.word(q + Q_REPLY_HEAD);
  if (head === image.word(q + Q_REPLY_TAIL)) return undefined;
  return image.u8[((q + Q_REPLY_RING) << 2) + (head & (RING_BYTES - 1))];
};

const checkStatus = (image: MachineImage, q: number): Violation | undefined => {
  const status = image.word(q + Q_STATUS);
  const free = image.word(q + Q_FREE);
  const replies = image.word(q + Q_REPLY_HEAD) !== image.word(q + Q_REPLY_TAIL);
  const wanted =
    (free === image.word(q + Q_ALL_FREE) ? STATUS_EMPTY : 0) |
    (free === 0 ? STATUS_FULL : 0) |
    (replies ? STATUS_REPLIES : 0);
  const bits = STATUS_EMPTY | STATUS_FULL | STATUS_REPLIES;
  if ((status & ~QUEUE_STATUS_BITS) === 0 && (status & bits) === wanted) return undefined;
  return violated(
    'status-word',
    `${nameOf(image, q)} has status ${hex(status)}, its rings say ${hex(wanted)}`,
  );
};

const checkSlots = (image: MachineImage, q: number): Violation | undefined => {
  const cold = image.cold(q);
  const count = (head: number, tail: number, ring: number) =>
    ringSlots(image, q + ring, image.word(q + head), image.word(q + tail));
  const replies = count(Q_REPLY_HEAD, Q_REPLY_TAIL, Q_REPLY_RING);
  const requests = count(Q_REQUEST_HEAD, Q_REQUEST_TAIL, Q_REQUEST_RING);
  const broken = (what: string) => violated('slots', `${nameOf(image, q)}: ${what}`);
  if (replies === undefined || requests === undefined) return broken('a ring is longer than it is');
  let seen = 0;
  const places = [...replies, ...requests].map(slotBit);
  for (const bits of [...places, image.word(cold + K_SERVICE), image.word(cold + K_HELD)]) {
    if ((seen & bits) !== 0) return broken(`slots ${hex(seen & bits)} are in two places`);
    seen |= bits;
  }
  const used = image.word(q + Q_ALL_FREE) & ~image.word(q + Q_FREE);
  if ((seen | 0) !== (used | 0)) return broken(`slots ${hex(used)} are used, ${hex(seen)} placed`);
  const served = (image.word(q + Q_ATTENTION) & ATTENTION_SERVICE) !== 0;
  if (served !== (image.word(cold + K_SERVICE) !== 0))
    return broken('service bit and slots differ');
  return checkBytes(image, q);
};

/** Slots lie in the pool, lengths within the limit, a partly delivered reply is one. */
const checkBytes = (image: MachineImage, q: number): Violation | undefined => {
  const first = image.word(q + Q_SLOTS_BYTE);
  const used = image.word(q + Q_ALL_FREE) & ~image.word(q + Q_FREE);
  const broken = (what: string) => violated('slots', `${nameOf(image, q)}: ${what}`);
  if (first === 0) return used === 0 ? undefined : broken('messages without slots');
  const depth = Math.clz32(~image.word(q + Q_ALL_FREE));
  const end = slotByte(image, q, depth);
  if (first < image.word(C_POOL_BYTE) || end > image.word(C_POOL_END_BYTE))
    return broken('slots outside the pool');
  for (let slot = 0; slot < depth; slot++) {
    if ((used & slotBit(slot)) === 0) continue;
    const length = image.word((slotByte(image, q, slot) >>> 2) + L_LENGTH);
    if (length <= 0 || length > image.word(q + Q_LIMIT)) return broken(`a message of ${length}`);
  }
  const delivered = image.word(image.cold(q) + K_DELIVERED);
  if (delivered === 0) return undefined;
  const reply = headReply(image, q);
  if (reply === undefined) return broken('a reply is partly delivered, but there is none');
  const whole = image.word((slotByte(image, q, reply) >>> 2) + L_LENGTH);
  return delivered < whole ? undefined : broken(`${delivered} of ${whole} bytes delivered`);
};

/** Queues: status words, slots, rings. */
export const checkQueues = (image: MachineImage): Violation | undefined => {
  if (image.word(image.queueRecord(0) + Q_ATTENTION) !== ATTENTION_ABSENT)
    return violated('isolation', 'the permanent absent queue was changed');
  for (let n = 1; n < image.queues; n++) {
    const q = image.queueRecord(n);
    const found = checkStatus(image, q) ?? checkSlots(image, q);
    if (found !== undefined) return found;
  }
  return undefined;
};

const MASKS: readonly MaskName[] = ['apm', 'aqm', 'adm'];

/** Checks the effective masks of all guests. */
export const checkMasks = (image: MachineImage): Violation | undefined => {
  for (let guest = 1; guest < image.guests; guest++) {
    for (const mask of MASKS) {
      const words = maskWords(image, guest, mask);
      for (let id = 0; id < 256; id++) {
        const has = wordBit(image, words, id);
        if (has === mayReach(image, guest, mask, id)) continue;
        const what = has ? 'has' : 'lacks';
        return violated('masks', `guest ${guest} ${what} bit ${hex(id, 2)} of its ${mask}`);
      }
    }
  }
  return undefined;
};

/** Pins of notification bytes: one for each queue that notifies the guest, where the host kernel does not leak them. */
export const checkPins = (image: MachineImage): Violation | undefined => {
  const leaks = (image.word(C_HOST_SWITCHES) & HOST_LEAKS_AQIC) !== 0;
  for (let guest = 1; guest < image.guests; guest++) {
    const record = image.guest(guest);
    let saved = 0;
    for (let n = 1; n < image.queues; n++) {
      const cold = image.cold(image.queueRecord(n));
      if (image.word(cold + K_SAVED_ISC) >>> SAVED_GUEST_SHIFT === guest) saved++;
    }
    const pins = image.word(record + G_PINS);
    if (leaks ? pins >= saved : pins === saved) continue;
    return violated('pins', `guest ${guest} has ${pins} pins, ${saved} queues notify it`);
  }
  return undefined;
};
