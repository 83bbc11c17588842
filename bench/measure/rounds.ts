// SPDX-License-Identifier: Apache-2.0
// Paired measurements: every round runs each variant once for a few milliseconds, in shuffled order; what counts is the ratio
// inside a round, so that a neighbour who slows down a whole round changes nothing.
// Source: docs/reference/performance.md section 8, items 2, 5.
import { Bench } from 'tinybench';
import { createRandom, shuffle } from '../machine/random.ts';
import { median } from './statistics.ts';

export interface Variant {
  readonly name: string;
  /** Operations one call does; thousands, so that call and clock do not count. */
  readonly operations: number;
  readonly run: () => unknown;
}

export interface Pace {
  readonly rounds: number;
  /** Milliseconds of one variant in one round. */
  readonly sliceMs: number;
  readonly warmupMs: number;
}

/** Enough for a median that holds. */
export const FULL_PACE: Pace = { rounds: 24, sliceMs: 3, warmupMs: 200 };
/** Shows that a benchmark runs, not how fast. */
export const SMOKE_PACE: Pace = { rounds: 2, sliceMs: 0.2, warmupMs: 2 };

/** Median nanoseconds an operation, a value a round, for each variant. */
export type RoundTimes = ReadonlyMap<string, readonly number[]>;

const NS_PER_MS = 1e6;

/** Warms a variant up. Returns how many calls fill a slice. */
const warmUp = (variant: Variant, pace: Pace): number => {
  const start = performance.now();
  let calls = 0;
  while (performance.now() - start < pace.warmupMs) {
    variant.run();
    calls++;
  }
  // The second half is faster than the first: time a few calls that follow.
  const from = performance.now();
  const probes = Math.max(1, Math.min(calls, 8));
  for (let n = 0; n < probes; n++) variant.run();
  const callMs = (performance.now() - from) / probes;
  return Math.max(1, Math.round(pace.sliceMs / Math.max(callMs, 1e-6)));
};

/** Runs all variants against each other. */
export const measureRounds = (variants: readonly Variant[], pace: Pace): RoundTimes => {
  const calls = new Map(variants.map((variant) => [variant.name, warmUp(variant, pace)]));
  const times = new Map(variants.map((variant) => [variant.name, [] as number[]]));
  const random = createRandom(pace.rounds + 1);
  const order = [...variants];
  for (let round = 0; round < pace.rounds; round++) {
    for (const variant of shuffle(order, random)) {
      const ms = sliceMedianMs(variant, calls.get(variant.name) as number);
      times.get(variant.name)?.push((ms * NS_PER_MS) / variant.operations);
    }
  }
  return times;
};

/** One slice: median time of a call. */
const sliceMedianMs = (variant: Variant, iterations: number): number => {
  const bench = new Bench({ time: 0, iterations, warmup: false, throws: true });
  bench.add(variant.name, variant.run, { async: false });
  const result = bench.runSync()[0]?.result;
  if (result?.state !== 'completed') throw new Error(`${variant.name} did not complete`);
  return result.latency.p50;
};

/** Ratios of a variant to a base, one a round. */
export const ratios = (times: RoundTimes, variant: string, base: string): number[] => {
  const bases = times.get(base) as readonly number[];
  return (times.get(variant) as readonly number[]).map((ns, n) => ns / bases[n]);
};

/** Median nanoseconds an operation of a variant. */
export const medianNs = (times: RoundTimes, variant: string): number =>
  median(times.get(variant) as readonly number[]);
