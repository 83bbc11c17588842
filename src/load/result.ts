// SPDX-License-Identifier: Apache-2.0
// What a run of a load ends with, in virtual time or on workers.

import type { LoadFigures } from './figures.ts';
import type { DistributionStep } from './percentiles.ts';
import type { SeriesPoint } from './series.ts';
import type { GuestSummary } from './summary.ts';

export interface GuestResult extends GuestSummary {
  /** Undefined for programs that have no AP bus. */
  readonly load: LoadFigures | undefined;
  /** Queues its driver has given up, each as a sentence. */
  readonly dead: readonly string[];
}

/** What became of masks that changed while guests ran, and of the messages that were under way. */
export interface HotPlugResult {
  /** Adapters taken from guests, and given back. */
  readonly unplugs: number;
  readonly plugs: number;
  /** Messages of guests that run `exchange`: accepted ones are answered, flushed with their queue, or still in it. */
  readonly accepted: number;
  readonly answered: number;
  readonly flushed: number;
  readonly inFlight: number;
  /** Not accepted: the queue was not there, or being reset. */
  readonly refused: number;
  /** What must not be, each as a sentence. */
  readonly violations: readonly string[];
}

export interface RunResult {
  readonly guests: readonly GuestResult[];
  /** All guests together. */
  readonly total: LoadFigures;
  readonly latency: readonly DistributionStep[];
  readonly series: readonly SeriesPoint[];
  readonly seconds: number;
  /** `virtual time`, or how many workers. */
  readonly how: string;
  readonly crashes: readonly { readonly guest: string; readonly reason: string }[];
  /** Undefined: masks did not change. */
  readonly hotPlug?: HotPlugResult;
  readonly keyCache: { readonly hits: number; readonly misses: number };
}
