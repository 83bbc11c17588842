// SPDX-License-Identifier: Apache-2.0
// What a driver is on its way from its files into a target: data that goes to any thread or computer, then a program with its counters.
import type { GuestProgram } from '../../guest/cpu.ts';

/** A source file of the driver. Its places (statements) have numbers from `first` on, in the order of `lines`. */
export interface SourceFile {
  /** Its path relative to the driver's folder. */
  readonly file: string;
  readonly text: string;
  readonly first: number;
  /** Line of each place, from 1. */
  readonly lines: readonly number[];
}

/** A driver as data. */
export interface DriverBundle {
  /** The driver as the user named it. */
  readonly name: string;
  /** The text of a JavaScript module, or the bytes of a WebAssembly module. */
  readonly code: string | Uint8Array;
  /** Digest of the code and of what it was made from. */
  readonly digest: string;
  readonly files: readonly SourceFile[];
  readonly args: Readonly<Record<string, unknown>>;
}

/** A driver that can be started. */
export interface LoadedDriver {
  readonly program: GuestProgram;
  /** Arguments with which it is started, unless the configuration names others. */
  readonly args: Readonly<Record<string, unknown>>;
  /** How often each branch and function has run. The target sets the counters back. Empty if the code is not instrumented. */
  readonly counters: Uint32Array;
  /** How often each place of `DriverBundle.files` has run since the beginning. */
  readonly places: Uint32Array;
  /** Adds what has run since the counters were set back to `places`. Absent if that happens by itself. */
  readonly count?: () => void;
}
