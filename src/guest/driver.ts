// SPDX-License-Identifier: Apache-2.0
// The contract of a driver under test: a guest program that says what it was asked and how it ended, so that it can be judged.
// Source: docs/design.md section 10.
import type { Cpu, GuestProgram } from './cpu.ts';

/** What the driver's user wants of it. */
export interface DriverRequest {
  /** Number of the request; none is used twice. */
  readonly id: number;
  /** The queue it must go to; undefined: the driver chooses. */
  readonly apqn: number | undefined;
  /** The message as the adapter gets it. */
  readonly message: Uint8Array;
}

/** How a request ended: with the reply of an adapter the driver takes for good, or with an error. */
export interface DriverEnding {
  readonly id: number;
  readonly reply?: Uint8Array;
  /** In the driver's own words, such as `EIO`. */
  readonly error?: string;
}

/** What the driver believes of a queue; for advice about instructions that cannot succeed. */
export type QueueBelief = 'ready' | 'full' | 'reset' | 'gone';

/**
 * A guest program that is a driver. `submit`, `close` and `scan` execute no instructions: they note what is wanted, and the program's next
 * step, which follows at once, does it.
 */
export interface DriverProgram<State = unknown> extends GuestProgram<State> {
  submit(cpu: Cpu, state: State, request: DriverRequest): void;
  /** Endings since the last call. */
  endings(state: State): readonly DriverEnding[];
  /** The user is done: what is outstanding ends with an error, what is held is given back, and no request is taken any more. */
  close?(cpu: Cpu, state: State): void;
  /** The AP configuration may have changed. */
  scan?(cpu: Cpu, state: State): void;
  /** The driver has given this queue up for good. */
  gone?(state: State, apqn: number): boolean;
  /** What the driver holds, by name; everything is 0 when it has been closed. */
  resources?(state: State): Readonly<Record<string, number>>;
  /** What the driver believes of a queue. */
  believes?(state: State, apqn: number): QueueBelief;
  /** Where its code is now, as `function (file:line)`: asked at an instruction, for traces. */
  place?(state: State): string | undefined;
  /** What it has logged since it began. */
  log?(state: State): readonly { readonly atNs: number; readonly text: string }[];
}

/** Whether a program keeps the contract. */
export const isDriver = (program: GuestProgram): program is DriverProgram => {
  const candidate = program as Partial<DriverProgram>;
  return typeof candidate.submit === 'function' && typeof candidate.endings === 'function';
};
