// SPDX-License-Identifier: Apache-2.0
// The counts of a queue's driver: messages by their outcome, errors, and a histogram of latencies with logarithmic buckets.

/** Number of buckets in each power of two, itself a power of two. A bucket is at most 1/16 of its start wide. */
const SUB_BUCKETS = 16;
const SUB_BITS = Math.log2(SUB_BUCKETS);
/** Number of powers of two that are kept: up to 2^40 ns, which is 18 minutes and more than the request timeout. */
const OCTAVES = 41;
export const LATENCY_BUCKETS = OCTAVES * SUB_BUCKETS;

/** Counts of one queue. Plain data; all numbers of messages except where said. */
export interface QueueStatistics {
  /** Accepted by NQAP. */
  sent: number;
  /** Answered, and the workload found the reply right. */
  answered: number;
  /** Answered, and the workload found the reply wrong. */
  wrong: number;
  /** Refused by NQAP with RC 42, 15 or 16 (-EINVAL). */
  refused: number;
  /** The reply was larger than the buffer (-EMSGSIZE). */
  tooLarge: number;
  /** Ended without an answer, by an error, a removal or a scan (-EAGAIN). */
  flushed: number;
  /** Sent once more because the queue said that it was empty. */
  resent: number;
  /** Replies with a PSMID that nobody waited for. */
  unmatched: number;
  /** How often the queue went into the device state ERROR. */
  errors: number;
  /** Number of resets that the queue accepted. */
  resets: number;
  /** Arrivals of an open loop that found all places of the queue taken. */
  full: number;
  /**
   * Histogram of latencies (see `latencyBucket`): from the arrival, in a closed loop from when the message was handed to the queue, to
   * its reply. It ends with the last bucket that is not empty, because a queue's state is copied often.
   */
  latency: number[];
  /** Sum of the latencies, and the largest, in nanoseconds. */
  latencySumNs: number;
  latencyMaxNs: number;
}

export const createStatistics = (): QueueStatistics => ({
  sent: 0,
  answered: 0,
  wrong: 0,
  refused: 0,
  tooLarge: 0,
  flushed: 0,
  resent: 0,
  unmatched: 0,
  errors: 0,
  resets: 0,
  full: 0,
  latencySumNs: 0,
  latencyMaxNs: 0,
  latency: [],
});

/** Bucket of a latency in nanoseconds: sixteen equal parts of each power of two. */
export const latencyBucket = (ns: number): number => {
  if (ns < SUB_BUCKETS) return ns < 0 ? 0 : Math.floor(ns);
  let octave: number;
  let top: number;
  if (ns < 0x40000000) {
    octave = 31 - Math.clz32(ns);
    top = ns >> (octave - SUB_BITS);
  } else {
    octave = Math.floor(Math.log2(ns));
    top = Math.floor(ns / 2 ** (octave - SUB_BITS));
  }
  const bucket = (octave - SUB_BITS + 1) * SUB_BUCKETS + (top - SUB_BUCKETS);
  return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
};

/** Smallest latency in nanoseconds that falls into a bucket. */
export const bucketStartNs = (bucket: number): number => {
  if (bucket < SUB_BUCKETS) return bucket;
  const octave = Math.floor(bucket / SUB_BUCKETS) + SUB_BITS - 1;
  return (SUB_BUCKETS + (bucket % SUB_BUCKETS)) * 2 ** (octave - SUB_BITS);
};

/** Adds `count` to a bucket of a histogram, which is extended if it ends before that bucket. */
const addToBucket = (latency: number[], bucket: number, count: number): void => {
  while (latency.length <= bucket) latency.push(0);
  latency[bucket] += count;
};

/** Counts the latency of one answered message. */
export const addLatency = (into: QueueStatistics, ns: number): void => {
  addToBucket(into.latency, latencyBucket(ns), 1);
  into.latencySumNs += ns;
  if (ns > into.latencyMaxNs) into.latencyMaxNs = ns;
};

/** Latency in nanoseconds which `percent` of the messages do not exceed (the upper edge of its bucket); 0 without messages. */
export const latencyPercentileNs = (latency: readonly number[], percent: number): number => {
  let total = 0;
  for (const n of latency) total += n;
  if (total === 0) return 0;
  const wanted = Math.max(1, Math.ceil((total * percent) / 100));
  let seen = 0;
  for (let bucket = 0; bucket < latency.length; bucket++) {
    seen += latency[bucket];
    if (seen >= wanted) return bucketStartNs(bucket + 1);
  }
  return bucketStartNs(LATENCY_BUCKETS);
};

/** Adds the counts and the histogram of `from` to `into`. */
export const addStatistics = (into: QueueStatistics, from: QueueStatistics): void => {
  into.sent += from.sent;
  into.answered += from.answered;
  into.wrong += from.wrong;
  into.refused += from.refused;
  into.tooLarge += from.tooLarge;
  into.flushed += from.flushed;
  into.resent += from.resent;
  into.unmatched += from.unmatched;
  into.errors += from.errors;
  into.resets += from.resets;
  into.full += from.full;
  into.latencySumNs += from.latencySumNs;
  into.latencyMaxNs = Math.max(into.latencyMaxNs, from.latencyMaxNs);
  if (into.latency.length === 0) into.latency = from.latency.slice();
  else for (let i = 0; i < from.latency.length; i++) addToBucket(into.latency, i, from.latency[i]);
};
