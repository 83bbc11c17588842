// SPDX-License-Identifier: Apache-2.0
// Finds out which blocks of a kernel's AP drivers were executed, from the counters of the plugin in QEMU.
// Source: src/qemu/plugin/cover.c (layout of its file).
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { blocksAt, type ReachedBlock } from './reached.ts';
import type { CodeSymbol, TextRange } from './text.ts';

/** Length of what comes before the counters, highest number of counters, and length of each. */
const HEADER_BYTES = 4096;
const SLOTS_MAX = 1 << 19;
const COUNTER_BYTES = 8;

/** Number of counters of a range: one for each halfword. */
const slotsOf = ({ start, end }: TextRange): number => Math.ceil((end - start) / 2);

/** A file for the plugin, which is made before QEMU starts. The guest's ranges are known only later. */
export class CoverageFile {
  readonly path: string;
  readonly fd: number;

  #closed = false;

  /** @param path file to make; a tmpfs is best */
  constructor(path: string) {
    this.path = path;
    this.fd = openSync(path, 'wx+', 0o600);
  }

  /** Arguments with which QEMU is started. */
  pluginArguments(plugin: string): readonly string[] {
    return ['-plugin', `${plugin},map=${this.path}`];
  }

  /** Safe to call again: the number of a closed file may be another one's by then. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.fd);
  }
}

export class KernelCoverage {
  /** For each halfword, how often the block that begins there was executed since `clear`. */
  readonly counters: Uint32Array;
  /** For each counter, whether it was ever above 0. */
  readonly met: Uint8Array;
  /** Functions in the ranges. */
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

  /** Begins to count. */
  clear(): void {
    writeSync(this.#fd, this.#zeros, 0, this.#zeros.length, HEADER_BYTES);
  }

  /** Takes over what was counted. */
  take(): void {
    readSync(this.#fd, this.#bytes, 0, this.#bytes.length, HEADER_BYTES);
    const words = new Uint32Array(this.#bytes.buffer);
    for (let slot = 0; slot < this.counters.length; slot++) {
      const count = words[2 * slot];
      this.counters[slot] = count;
      if (count !== 0) this.met[slot] = 1;
    }
  }

  /** Numbers of counters that were ever above 0. */
  places(): number[] {
    const places: number[] = [];
    for (let slot = 0; slot < this.met.length; slot++) if (this.met[slot] !== 0) places.push(slot);
    return places;
  }

  /** The blocks that belong to some counters. */
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
