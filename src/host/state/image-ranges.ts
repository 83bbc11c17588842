// SPDX-License-Identifier: Apache-2.0
// Tells which bytes of a machine image may have changed, by instructions or by the host side.
// Source: docs/design.md section 2; native-like/machine/image.ts (order of regions).
import type { MachineImage } from '../../../native-like/machine/image.ts';
import {
  ADAPTER_WORDS,
  C_ADAPTER,
  C_CLOCKS,
  C_COLD,
  C_FAULT_COUNT,
  C_FAULTS,
  C_GISA_BYTE,
  C_GUEST,
  C_MASKS,
  C_MDEV,
  C_PENDING_BYTE,
  C_QUEUE,
  C_TRACE,
  C_VCPU,
  C_VIRTUAL,
  C_VIRTUAL_COUNT,
  CLOCK_STRIDE,
  COLD_WORDS,
  FAULT_WORDS,
  GISA_STRIDE_BYTE,
  GUEST_WORDS,
  K_OPEN_SLOT,
  L_LENGTH,
  MDEVS,
  Q_ALL_FREE,
  Q_FREE,
  Q_SLOTS_BYTE,
  Q_STRIDE_BYTE,
  QUEUE_WORDS,
  SLOT_HEADER_BYTES,
  VCPU_WORDS,
} from '../../../native-like/machine/layout.ts';
import { VIRTUAL_WORDS } from '../../../native-like/machine/virtual-layout.ts';

/** A part of the image: first byte and length. */
export type Range = readonly [from: number, bytes: number];

const FIRST_SLOT = 0x80000000 | 0;

const words = (from: number, count: number): Range => [from * 4, count * 4];

/** Parts that instructions may change, outside the guests' storage. `adapters` are the APIDs of the partition. */
export const rangesOfRun = (image: MachineImage, adapters: Iterable<number>): Range[] => {
  const { queues, guests, vcpus } = image;
  return [
    words(0, C_CLOCKS + CLOCK_STRIDE),
    words(image.word(C_GUEST), guests * GUEST_WORDS),
    words(image.word(C_VCPU), vcpus * VCPU_WORDS),
    [image.word(C_GISA_BYTE), guests * GISA_STRIDE_BYTE],
    words(image.word(C_FAULTS), image.word(C_FAULT_COUNT) * FAULT_WORDS),
    ...[...adapters].map((apid) =>
      words(image.word(C_ADAPTER) + apid * ADAPTER_WORDS, ADAPTER_WORDS),
    ),
    [image.word(C_PENDING_BYTE), queues],
    words(image.word(C_VIRTUAL), (image.word(C_VIRTUAL_COUNT) + 1) * VIRTUAL_WORDS),
    words(image.word(C_QUEUE), queues * QUEUE_WORDS),
    words(image.word(C_COLD), queues * COLD_WORDS),
    ...messagesOf(image),
  ];
};

/**
 * Parts that the host side, the operator and faults change besides: masks, control blocks, adapters, the index of queues, attached mdevs.
 */
export const rangesOfParts = (image: MachineImage): Range[] => [
  words(image.word(C_MASKS), image.word(C_TRACE) - image.word(C_MASKS)),
  words(image.word(C_MDEV), MDEVS / 32),
];

/** Slots that hold a message, or parts of one. */
const messagesOf = (image: MachineImage): Range[] => {
  const ranges: Range[] = [];
  for (let n = 1; n < image.queues; n++) {
    const q = image.queueRecord(n);
    const slots = image.word(q + Q_SLOTS_BYTE);
    const open = image.word(image.cold(q) + K_OPEN_SLOT);
    let used = image.word(q + Q_ALL_FREE) & ~image.word(q + Q_FREE);
    if (open !== 0) used |= FIRST_SLOT >>> (open - 1);
    for (; slots !== 0 && used !== 0; used &= ~(FIRST_SLOT >>> Math.clz32(used))) {
      const at = slots + Math.clz32(used) * image.word(q + Q_STRIDE_BYTE);
      ranges.push([at, SLOT_HEADER_BYTES + image.word((at >>> 2) + L_LENGTH)]);
    }
  }
  return ranges;
};

/** Makes the records beyond these counts look as if none of them had ever been used, since what they name belongs to others now. */
export const clearRecordsFrom = (image: MachineImage, queues: number, virtuals: number): void => {
  const clear = (region: number, first: number, end: number, size: number): void => {
    if (end > first) image.i32.fill(0, region + first * size, region + end * size);
  };
  clear(image.word(C_QUEUE), queues, image.queues, QUEUE_WORDS);
  clear(image.word(C_COLD), queues, image.queues, COLD_WORDS);
  const end = image.word(C_VIRTUAL_COUNT) + 1;
  clear(image.word(C_VIRTUAL), virtuals + 1, end, VIRTUAL_WORDS);
  const pending = image.word(C_PENDING_BYTE);
  image.u8.fill(0, pending + queues, pending + Math.max(queues, image.queues));
};

/** A copy of some ranges of the image, which can be put back. */
export class SavedRanges {
  readonly #image: MachineImage;
  readonly #ranges: readonly Range[];
  readonly #bytes: Uint8Array;

  constructor(image: MachineImage, ranges: readonly Range[]) {
    this.#image = image;
    this.#ranges = ranges;
    this.#bytes = new Uint8Array(ranges.reduce((sum, [, bytes]) => sum + bytes, 0));
    let at = 0;
    for (const [from, bytes] of ranges) {
      this.#bytes.set(image.u8.subarray(from, from + bytes), at);
      at += bytes;
    }
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  putBack(): void {
    const { u8 } = this.#image;
    let at = 0;
    for (const [from, bytes] of this.#ranges) {
      u8.set(this.#bytes.subarray(at, at + bytes), from);
      at += bytes;
    }
  }
}
