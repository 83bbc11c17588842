// SPDX-License-Identifier: Apache-2.0
// The image's virtual queues, for code off the instruction path: their records, the masks of their numbers, and messages in their slots.
// Source: docs/reference/vfio-ap.md section 8.3. Status: choice.
import type { MachineImage } from './image.ts';
import {
  C_VIRTUAL,
  C_VIRTUAL_COUNT,
  C_VIRTUAL_MASKS,
  L_LENGTH,
  MASK_WORDS,
  Q_LIMIT,
  Q_SLOTS_BYTE,
  Q_STRIDE_BYTE,
  SLOT_BIT_0,
  SLOT_HEADER_BYTES,
} from './layout.ts';
import {
  E_APQN,
  E_GUEST,
  E_QUEUE,
  E_UNDER_WAY,
  L_REAL_QUEUE,
  L_REAL_SLOT,
  L_TAG,
  VIRTUAL_WORDS,
} from './virtual-layout.ts';

/** Word index of the n-th record of a virtual queue, from 1. */
export const virtualQueue = (image: MachineImage, n: number): number =>
  image.word(C_VIRTUAL) + n * VIRTUAL_WORDS;

/** Word index of the masks of a guest's virtual adapters and domains. The ADM that goes with them is always empty. */
export const virtualMasks = (image: MachineImage, guest: number): number =>
  image.word(C_VIRTUAL_MASKS) + guest * MASK_WORDS;

/** The records of virtual queues in use (word indices). */
export const virtualQueues = (image: MachineImage): number[] => {
  const used: number[] = [];
  for (let n = 1; n <= image.word(C_VIRTUAL_COUNT); n++) {
    const entry = virtualQueue(image, n);
    if (image.word(entry + E_GUEST) !== 0) used.push(entry);
  }
  return used;
};

/** Word index of the record of a guest's virtual queue with this APQN; 0 when it has none. */
export const findVirtualQueue = (image: MachineImage, guest: number, apqn: number): number => {
  for (let n = 1; n <= image.word(C_VIRTUAL_COUNT); n++) {
    const entry = virtualQueue(image, n);
    if (image.word(entry + E_GUEST) === guest && image.word(entry + E_APQN) === apqn) return entry;
  }
  return 0;
};

/** Word index of the header of slot `slot` of queue record `q`. */
export const slotHeader = (image: MachineImage, q: number, slot: number): number =>
  (image.word(q + Q_SLOTS_BYTE) + slot * image.word(q + Q_STRIDE_BYTE)) >>> 2;

/** The bytes of a slot: as many as the queue's limit, or with `used` as many as its message has now. */
export const slotBytes = (
  image: MachineImage,
  q: number,
  slot: number,
  extent: 'room' | 'used',
): Uint8Array => {
  const header = slotHeader(image, q, slot);
  const start = (header << 2) + SLOT_HEADER_BYTES;
  const length = extent === 'room' ? image.word(q + Q_LIMIT) : image.word(header + L_LENGTH);
  return image.u8.subarray(start, start + length);
};

/** A message of a virtual queue that is on a real one. */
export interface UnderWay {
  readonly slot: number;
  /** Word index of the real queue's record, number of the slot there, and the tag that identifies the message there. */
  readonly real: number;
  readonly realSlot: number;
  readonly tag: number;
}

/** The messages of a virtual queue that are on real queues, in the order of their slots. */
export const messagesUnderWay = (image: MachineImage, entry: number): UnderWay[] => {
  const found: UnderWay[] = [];
  for (let rest = image.word(entry + E_UNDER_WAY); rest !== 0; ) {
    const slot = Math.clz32(rest);
    rest &= ~(SLOT_BIT_0 >>> slot);
    const header = slotHeader(image, image.word(entry + E_QUEUE), slot);
    found.push({
      slot,
      real: image.word(header + L_REAL_QUEUE),
      realSlot: image.word(header + L_REAL_SLOT),
      tag: image.word(header + L_TAG),
    });
  }
  return found;
};

/** Notes that the message in a slot is on a real queue, or that it is there no longer. */
export const setUnderWay = (
  image: MachineImage,
  entry: number,
  slot: number,
  on: boolean,
): void => {
  const bit = SLOT_BIT_0 >>> slot;
  const before = image.word(entry + E_UNDER_WAY);
  image.i32[entry + E_UNDER_WAY] = on ? before | bit : before & ~bit;
};
