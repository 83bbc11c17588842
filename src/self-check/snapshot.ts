// SPDX-License-Identifier: Apache-2.0
// What the machine image held before a step, as far as the rules about steps need it. Buffers are reused.
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  C_COLD,
  C_QUEUE,
  COLD_WORDS,
  K_GISA_BYTE,
  K_NIB_BYTE,
  QUEUE_WORDS,
} from '../../native-like/machine/layout.ts';

export class Snapshot {
  readonly #image: MachineImage;
  #queues = new Int32Array(0);
  #colds = new Int32Array(0);
  #storages: Uint8Array[] = [];
  /** Number of queue records, virtual time. */
  count = 0;
  timeNs = 0;

  constructor(image: MachineImage) {
    this.#image = image;
    for (let guest = 0; guest < image.guests; guest++)
      this.#storages.push(image.storage(guest).slice());
  }

  /** Copies the queue records; storages are kept up to date by `storageOf` and `update`. */
  take(): void {
    const image = this.#image;
    this.count = image.queues;
    this.timeNs = image.clock(0);
    if (this.#queues.length < this.count * QUEUE_WORDS) {
      this.#queues = new Int32Array(this.count * QUEUE_WORDS);
      this.#colds = new Int32Array(this.count * COLD_WORDS);
    }
    const queues = image.word(C_QUEUE);
    const colds = image.word(C_COLD);
    this.#queues.set(image.i32.subarray(queues, queues + this.count * QUEUE_WORDS));
    this.#colds.set(image.i32.subarray(colds, colds + this.count * COLD_WORDS));
  }

  get timeMoved(): boolean {
    return this.#image.clock(0) !== this.timeNs;
  }

  /** A word of a queue record as it was. */
  queue(n: number, word: number): number {
    return this.#queues[n * QUEUE_WORDS + word] ?? 0;
  }

  cold(n: number, word: number): number {
    return this.#colds[n * COLD_WORDS + word] ?? 0;
  }

  /** Byte of a ring in a queue record as it was. */
  ringByte(n: number, ring: number, position: number): number {
    const word = this.queue(n, ring + (position >>> 2));
    return (word >>> (8 * (position & 3))) & 0xff;
  }

  /** Whether a queue's record or its cold part is no longer what it was. */
  changed(n: number): boolean {
    const { i32 } = this.#image;
    const q = this.#image.queueRecord(n);
    const cold = this.#image.word(C_COLD) + n * COLD_WORDS;
    for (let word = 0; word < QUEUE_WORDS; word++)
      if (i32[q + word] !== this.queue(n, word)) return true;
    for (let word = 0; word < COLD_WORDS; word++)
      if (i32[cold + word] !== this.cold(n, word)) return true;
    return false;
  }

  /** First byte of a guest's storage from `from` on that is no longer what it was; -1: none. */
  changedByte(guest: number, from = 0): number {
    const before = this.#storages[guest] as Uint8Array;
    const now = this.#image.storage(guest);
    if (from === 0 && Buffer.compare(before, now) === 0) return -1;
    for (let at = from; at < now.length; at++) if (before[at] !== now[at]) return at;
    return -1;
  }

  /** Accepts a guest's storage as it is. */
  update(guest: number): void {
    this.#storages[guest]?.set(this.#image.storage(guest));
  }

  /** Image offsets of notification bytes, before the step and now. */
  notificationBytes(): Set<number> {
    return this.#cells(K_NIB_BYTE);
  }

  /** Image offsets of GISAs, before the step and now. */
  gisas(): Set<number> {
    return this.#cells(K_GISA_BYTE);
  }

  #cells(word: number): Set<number> {
    const found = new Set<number>();
    const colds = this.#image.word(C_COLD);
    for (let n = 1; n < this.#image.queues; n++) {
      found.add(this.cold(n, word));
      found.add(this.#image.word(colds + n * COLD_WORDS + word));
    }
    return found;
  }
}
