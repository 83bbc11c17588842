// SPDX-License-Identifier: Apache-2.0
// Latency percentiles without coordinated omission. Latencies of an open loop count from the arrival that the schedule intended, so that
// a queue that stalls cannot hide the messages behind it. Messages that have no answer yet are not left out either: it is known that they
// take at least as long as they have waited (Kaplan and Meier, "Nonparametric estimation from incomplete observations", 1958). Arrivals
// that were dropped never end.

import { bucketStartNs } from '../guest/ap-bus-driver/statistics.ts';
import type { LoadCounts } from './counts.ts';

/** The percentiles that a run prints, in percent. */
export const PERCENTILES = [50, 90, 95, 99, 99.9] as const;

/** One step of a distribution of latencies: `share` of all messages end within `ns` nanoseconds. */
export interface DistributionStep {
  readonly ns: number;
  readonly share: number;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** Upper end of a bucket, a whole number of nanoseconds; but not more than the largest latency seen. */
const upperEdge = (counts: LoadCounts, bucket: number): number => {
  const edge = bucketStartNs(bucket + 1) - 1;
  return Math.min(edge, Math.max(counts.latencyMaxNs, bucketStartNs(bucket)));
};

/** The distribution of latencies, ascending. The last share is below 1 if messages without an answer have waited longest. */
export const distribution = (counts: LoadCounts): DistributionStep[] => {
  const { latency, waiting, overrun } = counts;
  const steps: DistributionStep[] = [];
  let atRisk = sum(latency) + sum(waiting) + overrun;
  let surviving = 1;
  for (let bucket = 0; bucket < latency.length; bucket++) {
    const ended = latency[bucket];
    if (ended > 0) {
      surviving *= 1 - ended / atRisk;
      // After the last message the share is 1, whatever the rounding.
      if (ended === atRisk) surviving = 0;
      steps.push({ ns: upperEdge(counts, bucket), share: 1 - surviving });
    }
    atRisk -= ended + waiting[bucket];
  }
  return steps;
};

/** Age in nanoseconds of the message that has waited longest for its answer; 0 if all have one. */
export const oldestNs = (counts: LoadCounts): number => {
  const bucket = counts.waiting.findLastIndex((n) => n > 0);
  return bucket < 0 ? 0 : bucketStartNs(bucket);
};

/** The longest latency known in nanoseconds: that of a message with an answer, or the age of the one that has waited longest. */
export const longestNs = (counts: LoadCounts): number =>
  Math.max(counts.latencyMaxNs, oldestNs(counts));

/**
 * Latencies in nanoseconds which the given percentages of the messages do not exceed. If so many messages have no answer that a
 * percentile is unknown, it is the longest time known (a lower bound). Undefined without messages.
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
