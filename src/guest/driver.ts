// SPDX-License-Identifier: Apache-2.0
// The contract of a driver under test: a guest program that tells what it was asked and how that ended, so that it can be judged.
// Source: docs/design.md section 10.
import type { Cpu, GuestProgram } from './cpu.ts';

/** What the driver's user wants of it. */
export interface DriverRequest {
  /** Number of the request. No number is used twice. */
  readonly id: number;
  /** The queue that it must go to; undefined if the driver may choose. */
  readonly apqn: number | undefined;
  /** The message, as the adapter is to get it. */
  readonly message: Uint8Array;
}

/** How a request ended: with a reply that the driver accepts, or with an error. */
export interface DriverEnding {
  readonly id: number;
  readonly reply?: Uint8Array;
  /** The error in the driver's own words, such as `EIO`. */
  readonly error?: string;
}

/** What the driver believes about a queue. It is used for advice about instructions that cannot succeed. */
export type QueueBelief = 'ready' | 'full' | 'reset' | 'gone';

/**
 * A guest program that is a driver. `submit`, `close` and `scan` execute no instructions: they note what is wanted, and the program's
 * next step, which follows at once, does it.
 */
export interface DriverProgram<State = unknown> extends GuestProgram<State> {
  submit(cpu: Cpu, state: State, request: DriverRequest): void;
  /** The requests that have ended since the last call. */
  endings(state: State): readonly DriverEnding[];
  /**
   * Ends the use of the driver: outstanding requests end with an error, all that is held is given back, and no request is accepted any
   * more.
   */
  close?(cpu: Cpu, state: State): void;
  /** Tells that the AP configuration may have changed. */
  scan?(cpu: Cpu, state: State): void;
  /** Whether the driver has given up this queue for good. */
  gone?(state: State, apqn: number): boolean;
  /** How much the driver holds of each kind of resource; all are 0 when it has been closed. */
  resources?(state: State): Readonly<Record<string, number>>;
  /** What the driver believes of a queue. */
  believes?(state: State, apqn: number): QueueBelief;
  /** Where its code is at an instruction, as `function (file:line)`, for traces. */
  place?(state: State): string | undefined;
  /** What it has logged since it began. */
  log?(state: State): readonly { readonly atNs: number; readonly text: string }[];
}

/** Whether a program is a driver. */
export const isDriver = (program: GuestProgram): program is DriverProgram => {
  const candidate = program as Partial<DriverProgram>;
  return typeof candidate.submit === 'function' && typeof candidate.endings === 'function';
};
