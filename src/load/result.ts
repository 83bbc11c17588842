// SPDX-License-Identifier: Apache-2.0
// What a run of a load ends with, in virtual time or on workers.

import type { LoadFigures } from './figures.ts';
import type { DistributionStep } from './percentiles.ts';
import type { SeriesPoint } from './series.ts';
import type { GuestSummary } from './summary.ts';

export interface GuestResult extends GuestSummary {
  /** Undefined for programs that have no AP bus. */
  readonly load: LoadFigures | undefined;
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
  /** Instructions that the trace lost; 0 without one. */
  readonly traceLost: number;
  readonly keyCache: { readonly hits: number; readonly misses: number };
}
