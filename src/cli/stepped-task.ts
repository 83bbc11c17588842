// SPDX-License-Identifier: Apache-2.0
// What a thread that steps guest modules is given, what it shares while it runs, and what it answers: plain data.

import type { MachineConfig } from '../config/types.ts';
import type { LoadFigures } from '../load/figures.ts';
import type { RunResult } from '../load/result.ts';
import type { MachineEvent } from '../trace/machine-event.ts';
import type { TakeTrace } from '../trace/ring.ts';

/** Number of words that both threads share. */
export const STEPPED_WORDS = 3;
/** Not 0: the run is to stop at the next occasion. */
export const W_STOP = 0;
/** Odd while a program is in its `init` or a step: it counts both ends. */
export const W_STEPS = 1;
/** Which guest's program that is, as an index of the configuration's guests. */
export const W_GUEST = 2;

export interface SteppedTask {
  readonly config: MachineConfig;
  readonly seed: number | undefined;
  readonly words: Int32Array;
  /** A whole run, or the figures of a window of this length (`apemu run --sweep`). */
  readonly work:
    | {
        readonly kind: 'run';
        readonly durationNs: number | undefined;
        readonly intervalNs: number;
        /** Whether somebody takes traces and events. */
        readonly watched: boolean;
      }
    | { readonly kind: 'measure'; readonly windowNs: number };
}

/** An error without what another thread cannot be told. */
export interface ToldError {
  readonly message: string;
  /** Code of the error, if it is an ApemuError. */
  readonly code: string | undefined;
}

/** Messages of the thread. The last one is no `trace` and no `event`. */
export type SteppedAnswer =
  | { readonly kind: 'trace'; readonly taken: Parameters<TakeTrace> }
  | { readonly kind: 'event'; readonly event: MachineEvent }
  | { readonly kind: 'run'; readonly result: RunResult }
  | { readonly kind: 'measure'; readonly result: LoadFigures | undefined }
  | { readonly kind: 'failed'; readonly error: ToldError };
