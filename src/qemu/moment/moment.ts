// SPDX-License-Identifier: Apache-2.0
// A moment of a running guest to which it can be taken back as often as wanted: its storage, its devices, and the machine behind its
// cards.
// Source: docs/reference/fuzzing.md section 3 (back to a moment).
import type { Readable, Writable } from 'node:stream';
import type { ServedGuest } from '../serve.ts';

/** How the guest is taken back: by a new QEMU with a copy-on-write storage, or inside the QEMU that runs. */
export type MomentLevel = 'portable' | 'in place';

/** A guest that can be taken back to one moment. It stands still there until `go` is called. */
export interface Moment {
  readonly level: MomentLevel;
  /** The guest as it is served now. After each `restore` of the portable kind it is another object. */
  readonly guest: ServedGuest;
  readonly output: Readable;
  readonly input: Writable;
  /** Goes back to the moment, whatever has become of the guest or its QEMU. */
  restore(): Promise<void>;
  /** Lets the guest go on. */
  go(): Promise<void>;
  /**
   * Moves the clock of a guest that waits to its next timer.
   *
   * @param leastNs smallest number of nanoseconds to move it by, if the guest waits at all
   * @param mostNs largest number of nanoseconds to move it by
   * @returns by how much it was moved; 0 if the guest does not wait, or this kind of moment cannot do it
   */
  skip(leastNs: number, mostNs: number): Promise<number>;
  /** Ends its QEMU and removes everything. */
  close(): Promise<void>;
}
