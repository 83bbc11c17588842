// SPDX-License-Identifier: Apache-2.0
// A moment of a running guest that it is taken back to, as often as wanted: its storage, its devices, and the machine behind its cards.
// Source: docs/reference/fuzzing.md section 3 (back to a moment).
import type { Readable, Writable } from 'node:stream';
import type { ServedGuest } from '../serve.ts';

/** How the guest is taken back: by a new QEMU over a copy-on-write storage, or inside the one that runs. */
export type MomentLevel = 'portable' | 'in place';

/** A guest that can be taken back to one moment. It stands still there until `go`. */
export interface Moment {
  readonly level: MomentLevel;
  /** The guest as it is served now; another one after each `restore` of the portable level. */
  readonly guest: ServedGuest;
  readonly output: Readable;
  readonly input: Writable;
  /** Back to the moment, whatever has become of the guest or its QEMU. */
  restore(): Promise<void>;
  /** Lets the guest go on. */
  go(): Promise<void>;
  /**
   * Moves the clock of a guest that waits on to its next timer.
   *
   * @param leastNs by so much at least, where it waits at all
   * @param mostNs by so much at most
   * @returns by how much; 0: it does not wait, or this level cannot
   */
  skip(leastNs: number, mostNs: number): Promise<number>;
  /** Ends its QEMU and removes everything. */
  close(): Promise<void>;
}
