// SPDX-License-Identifier: Apache-2.0
// A QEMU guest's storage with the interface that the machine uses: logical operands, which may cross pages, are fetched and stored
// completely or not at all. Source: docs/reference/qemu-attach.md section 6; AD-16 (access exceptions).

import type { ServedStorage } from './ap-service.ts';
import { type TranslationContext, Translator } from './dat.ts';
import type { GuestRam } from './ram.ts';

const PAGE = 0x1000;

/**
 * Number of pages of the longest operand of an AP instruction: 15 units of 4 KiB, which may begin inside a page. Source: ap-architecture
 * 4.5.
 */
const MAX_PAGES = 17;

/** Storage of one guest. `contexts` has, by CPU address, what translates that CPU's addresses at the moment. */
export class QemuStorage implements ServedStorage {
  readonly contexts: TranslationContext[] = [];
  readonly #ram: GuestRam;
  readonly #translator: Translator;
  readonly #frames = new Float64Array(MAX_PAGES);

  constructor(ram: GuestRam) {
    this.#ram = ram;
    this.#translator = new Translator(ram);
  }

  get size(): number {
    return this.#ram.size;
  }

  /** Translation-exception identification of the access that failed last: high and low word. */
  get teid(): Uint32Array {
    return this.#translator.teid;
  }

  fetch(cpu: number, high: number, low: number, length: number, target: Uint8Array): number {
    const pgm = this.#locate(cpu, high, low, length, false);
    if (pgm !== 0) return pgm;
    this.#copy(low, length, target, false);
    return 0;
  }

  store(cpu: number, high: number, low: number, length: number, source: Uint8Array): number {
    const pgm = this.#locate(cpu, high, low, length, true);
    if (pgm !== 0) return pgm;
    this.#copy(low, length, source, true);
    return 0;
  }

  storeAbsolute(address: number, byte: number): boolean {
    if (address < 0 || address >= this.#ram.size) return false;
    this.#ram.write(address, Uint8Array.of(byte));
    return true;
  }

  /** Translates every page of an operand into `#frames` before any byte moves. */
  #locate(cpu: number, high: number, low: number, length: number, store: boolean): number {
    const context = this.contexts[cpu];
    let pageHigh = high >>> 0;
    let pageLow = low >>> 0;
    const pages = Math.ceil(((pageLow & (PAGE - 1)) + length) / PAGE);
    if (pages > MAX_PAGES) throw new RangeError(`operand of ${length} bytes`);
    for (let page = 0; page < pages; page++) {
      const pgm = this.#translator.translate(context, pageHigh, pageLow, store);
      if (pgm !== 0) return pgm;
      this.#frames[page] = this.#translator.absolute;
      const next = (pageLow & ~(PAGE - 1)) + PAGE;
      pageLow = next >>> 0;
      if (pageLow === 0) pageHigh = (pageHigh + 1) >>> 0;
    }
    return 0;
  }

  /** Copies the bytes of the located pages. Neighbouring frames are copied in one operation. */
  #copy(low: number, length: number, bytes: Uint8Array, store: boolean): void {
    let done = 0;
    let page = 0;
    while (done < length) {
      const start = this.#frames[page];
      let run = PAGE - ((page === 0 ? low : 0) & (PAGE - 1));
      page++;
      while (done + run < length && this.#frames[page] === start + run) {
        run += PAGE;
        page++;
      }
      const size = Math.min(run, length - done);
      if (store) this.#ram.write(start, bytes, done, size);
      else this.#ram.read(start, bytes, done, size);
      done += size;
    }
  }
}
