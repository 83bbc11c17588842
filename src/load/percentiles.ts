// SPDX-License-Identifier: Apache-2.0
// Latency percentiles without coordinated omission.
// An open loop's latencies count from the arrival the schedule intended, so a queue that stalls cannot hide the messages behind it.
// Messages that have no answer yet are not left out either: they are known to take at least as long as they have waited
// (Kaplan and Meier, "Nonparametric estimation from incomplete observations", 1958); arrivals that were dropped never end.

import { bucketStartNs } from '../guest/ap-bus-driver/statistics.ts';
import type { LoadCounts } from './counts.ts';

/** Percentiles a run prints, in percent. */
export const PERCENTILES = [50, 90, 95, 99, 99.9] as const;

/** Part of a latency distribution: `share` of all messages end within `ns`. */
export interface DistributionStep {
  readonly ns: number;
  readonly share: number;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** Latency in nanoseconds of the upper end of a bucket (whole numbers), but never above the largest latency seen. */
const upperEdge = (counts: LoadCounts, bucket: number): number => {
  const edge = bucketStartNs(bucket + 1) - 1;
  return Math.min(edge, Math.max(counts.latencyMaxNs, bucketStartNs(bucket)));
};

/** The distribution of latencies, ascending; the last share is below 1 when messages without answer were there longest. */
export const distribution = (counts: LoadCounts): DistributionStep[] => {
  const { latency, waiting, overrun } = counts;
  const steps: DistributionStep[] = [];
  let atRisk = sum(latency) + sum(waiting) + overrun;
  let surviving = 1;
  for (let bucket = 0; bucket < latency.length; bucket++) {
    const ended = latency[bucket];
    if (ended > 0) {
      surviving *= 1 - ended / atRisk;
      // Rounding must not keep the last message from being the last.
      if (ended === atRisk) surviving = 0;
      steps.push({ ns: upperEdge(counts, bucket), share: 1 - surviving });
    }
    atRisk -= ended + waiting[bucket];
  }
  return steps;
};

/** Age of the message that has waited longest for its answer; 0 when all have one. */
export const oldestNs = (counts: LoadCounts): number => {
  const bucket = counts.waiting.findLastIndex((n) => n > 0);
  return bucket < 0 ? 0 : bucketStartNs(bucket);
};

/** The longest latency known: of a message with an answer, or of the one that has waited longest. */
export const longestNs = (counts: LoadCounts): number =>
  Math.max(counts.latencyMaxNs, oldestNs(counts));

/**
 * Latencies that the given percents of the messages do not exceed, in nanoseconds. Where so many messages have no answer that
 * the percentile is unknown, it is the longest time known (a lower bound). Undefined without messages.
 */
export const percentilesNs = (
  counts: LoadCounts,
  percents: readonly number[] = PERCENTILES,
): (number | undefined)[] => {
  const steps = distribution(counts);
  if (steps.length === 0 && sum(counts.waiting) === 0) return percents.map(() => undefined);
  const bound = longestNs(counts);
  return percents.map(
    (percent) => steps.find(({ share }) => share >= percent / 100 - 1e-12)?.ns ?? bound,
  );
};
