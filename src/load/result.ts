// SPDX-License-Identifier: Apache-2.0
// The result of a run of a load, in virtual time or on workers.

import type { LoadFigures } from './figures.ts';
import type { DistributionStep } from './percentiles.ts';
import type { SeriesPoint } from './series.ts';
import type { GuestSummary } from './summary.ts';

export interface GuestResult extends GuestSummary {
  /** Undefined for programs without an AP bus. */
  readonly load: LoadFigures | undefined;
  /** Queues that its driver has given up, each described in a sentence. */
  readonly dead: readonly string[];
}

/** What happened when masks changed while guests ran, and to the messages that were under way. */
export interface HotPlugResult {
  /** How often adapters were taken from guests, and given back. */
  readonly unplugs: number;
  readonly plugs: number;
  /** Messages of guests that run `exchange`. Those that were accepted are answered, flushed with their queue, or still in it. */
  readonly accepted: number;
  readonly answered: number;
  readonly flushed: number;
  readonly inFlight: number;
  /** Messages that were not accepted because the queue was not there or was being reset. */
  readonly refused: number;
  /** What must not happen and did, each described in a sentence. */
  readonly violations: readonly string[];
}

export interface RunResult {
  readonly guests: readonly GuestResult[];
  /** The figures of all guests together. */
  readonly total: LoadFigures;
  readonly latency: readonly DistributionStep[];
  readonly series: readonly SeriesPoint[];
  readonly seconds: number;
  /** `virtual time`, or the number of workers. */
  readonly how: string;
  readonly crashes: readonly { readonly guest: string; readonly reason: string }[];
  /** Undefined if masks did not change. */
  readonly hotPlug?: HotPlugResult;
  readonly keyCache: { readonly hits: number; readonly misses: number };
}
