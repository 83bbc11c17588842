// SPDX-License-Identifier: Apache-2.0
// Which blocks of a kernel's AP drivers were executed: the counters of the plugin in QEMU.
// Source: src/qemu/plugin/cover.c (layout of its file).
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { blocksAt, type ReachedBlock } from './reached.ts';
import type { CodeSymbol, TextRange } from './text.ts';

/** Bytes before the counters, counters there can be, and bytes of each. */
const HEADER_BYTES = 4096;
const SLOTS_MAX = 1 << 19;
const COUNTER_BYTES = 8;

/** One counter a halfword. */
const slotsOf = ({ start, end }: TextRange): number => Math.ceil((end - start) / 2);

/** A file for the plugin, made before QEMU starts; the guest's ranges are known later. */
export class CoverageFile {
  readonly path: string;
  readonly fd: number;

  /** @param path file to make; a tmpfs is best */
  constructor(path: string) {
    this.path = path;
    this.fd = openSync(path, 'wx+', 0o600);
  }

  /** What QEMU is started with. */
  pluginArguments(plugin: string): readonly string[] {
    return ['-plugin', `${plugin},map=${this.path}`];
  }

  close(): void {
    closeSync(this.fd);
    rmSync(this.path, { force: true });
  }
}

export class KernelCoverage {
  /** How often the block that begins at each halfword was executed since `clear`. */
  readonly counters: Uint32Array;
  /** Slots that were ever met. */
  readonly met: Uint8Array;
  /** Functions of the ranges. */
  readonly symbols: readonly CodeSymbol[];
  readonly #ranges: readonly TextRange[];
  readonly #fd: number;
  readonly #bytes: Uint8Array;
  readonly #zeros: Uint8Array;

  /** Code that is translated from now on is counted. */
  constructor({ fd }: CoverageFile, ranges: readonly TextRange[], symbols: readonly CodeSymbol[]) {
    const slots = ranges.reduce((sum, range) => sum + slotsOf(range), 0);
    if (slots > SLOTS_MAX) throw new RangeError(`${slots} halfwords of code are too many`);
    this.counters = new Uint32Array(slots);
    this.met = new Uint8Array(slots);
    this.#ranges = ranges;
    this.symbols = symbols.filter(({ address }) =>
      ranges.some(({ start, end }) => start <= address && address < end),
    );
    this.#fd = fd;
    this.#bytes = new Uint8Array(slots * COUNTER_BYTES);
    this.#zeros = new Uint8Array(slots * COUNTER_BYTES);
    const words = ranges.flatMap(({ start, end }) => [BigInt(start), BigInt(end)]);
    writeSync(fd, BigUint64Array.from(words), 0, undefined, 8);
    writeSync(fd, BigUint64Array.of(BigInt(ranges.length)), 0, undefined, 0);
  }

  /** Counting begins. */
  clear(): void {
    writeSync(this.#fd, this.#zeros, 0, this.#zeros.length, HEADER_BYTES);
  }

  /** Takes what was counted. */
  take(): void {
    readSync(this.#fd, this.#bytes, 0, this.#bytes.length, HEADER_BYTES);
    const words = new Uint32Array(this.#bytes.buffer);
    for (let slot = 0; slot < this.counters.length; slot++) {
      const count = words[2 * slot];
      this.counters[slot] = count;
      if (count !== 0) this.met[slot] = 1;
    }
  }

  /** Slots that were ever met. */
  places(): number[] {
    const places: number[] = [];
    for (let slot = 0; slot < this.met.length; slot++) if (this.met[slot] !== 0) places.push(slot);
    return places;
  }

  /** The blocks of some slots. */
  blocksOf(slots: Iterable<number>): ReachedBlock[] {
    const addresses = [...slots].sort((a, b) => a - b).map((slot) => this.#addressOf(slot));
    return blocksAt(this.symbols, addresses);
  }

  #addressOf(slot: number): number {
    let left = slot;
    for (const range of this.#ranges) {
      const slots = slotsOf(range);
      if (left < slots) return range.start + 2 * left;
      left -= slots;
    }
    return 0;
  }
}
