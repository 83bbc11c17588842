// SPDX-License-Identifier: Apache-2.0
// A copy of the guests' storage. To put it back, only the pages that were written are copied.
// Source: docs/design.md section 2.

import { PAGE_BYTES } from '../../../native-like/arch/limits.ts';
import type { MachineImage } from '../../../native-like/machine/image.ts';
import { C_STORAGE_BYTE, C_STORAGE_END_BYTE } from '../../../native-like/machine/layout.ts';
import type { ExecutionContext } from '../context/execution-context.ts';
import type { WrittenPages } from '../context/written-pages.ts';

export class SavedStorage {
  readonly #context: ExecutionContext;
  readonly #image: MachineImage;
  readonly #written: WrittenPages;
  readonly #first: number;
  readonly #saved: Buffer;
  readonly #now: Buffer;
  /** The moment at whose end the storage was as in this copy. */
  #moment: number;

  constructor(context: ExecutionContext) {
    this.#context = context;
    this.#image = context.image;
    this.#written = context.trackWrites();
    this.#first = this.#image.word(C_STORAGE_BYTE);
    const bytes = this.#image.word(C_STORAGE_END_BYTE) - this.#first;
    this.#now = Buffer.from(this.#image.memory.buffer, this.#first, bytes);
    this.#saved = Buffer.from(this.#now);
    this.#moment = this.#written.endMoment();
  }

  get byteLength(): number {
    return this.#saved.length;
  }

  /** Copies back the pages that were written. Of a guest whose storage was handed out as a whole, all pages that differ are copied back. */
  putBack(): void {
    const written = this.#written;
    for (const guest of this.#context.shownStorages) {
      const { byteOffset, length } = this.#image.storage(guest);
      this.#markDifferent(byteOffset - this.#first, length);
    }
    const { moment } = written;
    written.eachSince(this.#moment, (byte) => {
      const at = byte - this.#first;
      this.#saved.copy(this.#now, at, at, at + PAGE_BYTES);
      // Checkpoints that were taken in between have to know that this page has changed.
      written.mark(byte, 1);
    });
    this.#moment = moment;
    written.endMoment();
  }

  #markDifferent(at: number, bytes: number): void {
    if (bytes === 0) return;
    const same = this.#saved.compare(this.#now, at, at + bytes, at, at + bytes) === 0;
    if (same) return;
    if (bytes <= PAGE_BYTES) {
      this.#written.mark(this.#first + at, bytes);
      return;
    }
    const half = Math.ceil(bytes / 2 / PAGE_BYTES) * PAGE_BYTES;
    this.#markDifferent(at, half);
    this.#markDifferent(at + half, bytes - half);
  }
}
