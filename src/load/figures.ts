// SPDX-License-Identifier: Apache-2.0
// Computes the figures of the time between two samples of a machine: rates, latencies, utilisation, limits.

import { addCounts, countsBetween, type LoadCounts } from './counts.ts';
import { longestNs, oldestNs, percentilesNs } from './percentiles.ts';
import type { AdapterSample, LoadSample } from './sample.ts';

/** An adapter's part of the load. */
export interface AdapterFigures {
  readonly apid: number;
  /** Number of requests taken. */
  readonly served: number;
  /** Mean service time in nanoseconds; 0 for adapters that answer at once. */
  readonly serviceNs: number;
  /** Mean time in nanoseconds from the acceptance of a request until an engine begins with it. */
  readonly waitNs: number;
  readonly engines: number;
  /** Part of the time for which its engines were busy, 0 to 1; undefined if nothing limits the adapter. */
  readonly utilisation: number | undefined;
  /** Requests a second at which all its engines are busy; undefined if nothing limits the adapter. */
  readonly limitPerSecond: number | undefined;
}

/** The figures of a span of time. Rates are in messages a second. */
export interface LoadFigures {
  readonly seconds: number;
  /** Arrivals a second; undefined in a closed loop, which has none. */
  readonly offered: number | undefined;
  /** Requests a second that got the right answer. */
  readonly achieved: number;
  readonly answered: number;
  /** Number of answers divided by number of arrivals, for the guest for which this is least; undefined in a closed loop. */
  readonly answeredShare: number | undefined;
  /** Number of messages that have arrived and have no answer at the end. */
  readonly unanswered: number;
  readonly oldestNs: number;
  /** Latencies in the order of PERCENTILES; undefined without messages. */
  readonly latencyNs: readonly (number | undefined)[];
  readonly meanNs: number;
  /** The longest latency known, including that of messages without an answer; undefined without messages. */
  readonly maxNs: number | undefined;
  /** Part of the arrivals that found all places of their queue taken; undefined in a closed loop, where they always do. */
  readonly queueFull: number | undefined;
  /** Part of the NQAPs that ended with response code 10, and part of the messages that were sent once more. */
  readonly rc10: number;
  readonly retries: number;
  /** Number of arrivals that were dropped because too many were waiting already. */
  readonly overrun: number;
  /** What went wrong, with counts above 0 only. */
  readonly mishaps: Readonly<Record<string, number>>;
  readonly adapters: readonly AdapterFigures[];
}

const MISHAPS = ['wrong', 'refused', 'tooLarge', 'flushed', 'errors', 'failed'] as const;

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

const adapterFigures = (
  from: AdapterSample | undefined,
  to: AdapterSample,
  seconds: number,
): AdapterFigures => {
  const served = to.served - (from?.served ?? 0);
  const busyNs = to.busyNs - (from?.busyNs ?? 0);
  const serviceNs = ratio(to.serviceNs - (from?.serviceNs ?? 0), served);
  const limited = to.timed && to.engines > 0;
  return {
    apid: to.apid,
    served,
    serviceNs,
    // Sums of waiting times can differ in their last bit, so that the difference could be below 0.
    waitNs: Math.max(0, ratio(to.waitedNs - (from?.waitedNs ?? 0), served)),
    engines: to.engines,
    utilisation: limited ? ratio(busyNs, to.engines * seconds * 1e9) : undefined,
    limitPerSecond: limited && serviceNs > 0 ? (to.engines * 1e9) / serviceNs : undefined,
  };
};

const leastAnswered = (guests: readonly LoadCounts[]): number =>
  Math.min(
    ...guests
      .filter(({ arrived }) => arrived > 0)
      .map(({ answered, arrived }) => answered / arrived),
  );

const figuresOf = (
  counts: LoadCounts,
  each: readonly LoadCounts[],
  seconds: number,
  adapters: readonly AdapterFigures[],
): LoadFigures => {
  const answers = counts.latency.reduce((a, b) => a + b, 0);
  const unanswered = counts.waiting.reduce((a, b) => a + b, 0);
  const open = counts.arrived > 0;
  return {
    seconds,
    offered: open ? ratio(counts.arrived, seconds) : undefined,
    achieved: ratio(counts.answered, seconds),
    answered: counts.answered,
    answeredShare: open ? leastAnswered(each) : undefined,
    unanswered,
    oldestNs: oldestNs(counts),
    latencyNs: percentilesNs(counts),
    meanNs: ratio(counts.latencySumNs, answers),
    maxNs: answers + unanswered === 0 ? undefined : longestNs(counts),
    queueFull: open ? ratio(counts.full, counts.arrived) : undefined,
    rc10: ratio(counts.nqapFull, counts.nqap),
    retries: ratio(counts.resent, counts.sent),
    overrun: counts.overrun,
    mishaps: Object.fromEntries(
      MISHAPS.filter((name) => counts[name] > 0).map((name) => [name, counts[name]]),
    ),
    adapters,
  };
};

const guestCounts = (sample: LoadSample, guest: string | undefined): LoadCounts =>
  addCounts(
    sample.guests
      .filter((row) => guest === undefined || row.guest === guest)
      .map((row) => row.counts),
  );

const guestNames = ({ guests }: Pick<LoadSample, 'guests'>): string[] => [
  ...new Set(guests.map(({ guest }) => guest)),
];

/** The counts of a sample since the start, for one guest or for all. */
export const countsUntil = (sample: LoadSample, guest?: string): LoadCounts =>
  guestCounts(sample, guest);

const adaptersBetween = (
  from: LoadSample | undefined,
  to: LoadSample,
  seconds: number,
): AdapterFigures[] =>
  to.adapters.map((adapter, i) => adapterFigures(from?.adapters[i], adapter, seconds));

/** The figures between two samples, all guests together. */
export const figuresBetween = (from: LoadSample, to: LoadSample): LoadFigures => {
  const seconds = (to.timeNs - from.timeNs) / 1e9;
  const between = (guest: string | undefined): LoadCounts =>
    countsBetween(guestCounts(from, guest), guestCounts(to, guest));
  const each = guestNames(to).map(between);
  return figuresOf(between(undefined), each, seconds, adaptersBetween(from, to, seconds));
};

/** Seconds from the first message to the last reply. */
const messageSeconds = (guests: LoadSample['guests']): number => {
  const busy = guests.filter(({ lastNs }) => lastNs > 0);
  if (busy.length === 0) return 0;
  const first = Math.min(...busy.map(({ firstNs }) => firstNs));
  return Math.max(0, Math.max(...busy.map(({ lastNs }) => lastNs)) - first) / 1e9;
};

/**
 * The figures of a whole run, from the first message to the last reply, for one guest or for all together. Adapters are shared, so their
 * figures are only in those of all guests.
 */
export const figuresUntil = (sample: LoadSample, guest?: string): LoadFigures => {
  const guests = sample.guests.filter((row) => guest === undefined || row.guest === guest);
  const seconds = messageSeconds(guests);
  const adapters = guest === undefined ? adaptersBetween(undefined, sample, seconds) : [];
  const each = guestNames({ guests }).map((name) => guestCounts(sample, name));
  return figuresOf(guestCounts(sample, guest), each, seconds, adapters);
};

/**
 * Messages a second at which the first adapter has all its engines busy, if the adapters share the load as they did: engines / service
 * time / share. Undefined if no adapter limits the load.
 */
export const modelLimit = (figures: LoadFigures): number | undefined => {
  const served = figures.adapters.reduce((total, adapter) => total + adapter.served, 0);
  const limits = figures.adapters.flatMap(({ limitPerSecond, served: own }) =>
    limitPerSecond === undefined || own === 0 ? [] : [(limitPerSecond * served) / own],
  );
  return limits.length === 0 ? undefined : Math.min(...limits);
};
