// SPDX-License-Identifier: Apache-2.0
// From two samples of a machine to the figures of the time between them: rates, latencies, utilisation, limits.

import { addCounts, countsBetween, type LoadCounts } from './counts.ts';
import { longestNs, oldestNs, percentilesNs } from './percentiles.ts';
import type { AdapterSample, LoadSample } from './sample.ts';

/** An adapter's share of the load. */
export interface AdapterFigures {
  readonly apid: number;
  /** Requests taken. */
  readonly served: number;
  /** Mean service time, nanoseconds; 0 for adapters that answer at once. */
  readonly serviceNs: number;
  /** Mean time from acceptance until an engine begins, nanoseconds. */
  readonly waitNs: number;
  readonly engines: number;
  /** Busy engine time by engines and time, 0 to 1; undefined where nothing limits the adapter. */
  readonly utilisation: number | undefined;
  /** Requests a second at which all engines are busy; undefined where nothing limits the adapter. */
  readonly limitPerSecond: number | undefined;
}

/** The figures of a time span. Rates are messages a second. */
export interface LoadFigures {
  readonly seconds: number;
  /** Arrivals; undefined in a closed loop, which has none. */
  readonly offered: number | undefined;
  /** Requests that got the right answer. */
  readonly achieved: number;
  readonly answered: number;
  /** Answered by arrived, of the guest where that is least; undefined in a closed loop. */
  readonly answeredShare: number | undefined;
  /** Arrived, without an answer at the end. */
  readonly unanswered: number;
  readonly oldestNs: number;
  /** In the order of PERCENTILES; undefined without messages. */
  readonly latencyNs: readonly (number | undefined)[];
  readonly meanNs: number;
  /** The longest latency known, that of messages without an answer included; undefined without messages. */
  readonly maxNs: number | undefined;
  /** Share of arrivals that found all places of their queue taken; undefined in a closed loop, where that is the rule. */
  readonly queueFull: number | undefined;
  /** Share of NQAPs that ended with RC 10, and of messages sent once more. */
  readonly rc10: number;
  readonly retries: number;
  /** Arrivals dropped because too many waited already. */
  readonly overrun: number;
  /** What went wrong, only names with a count. */
  readonly mishaps: Readonly<Record<string, number>>;
  readonly adapters: readonly AdapterFigures[];
}

const MISHAPS = ['wrong', 'refused', 'tooLarge', 'flushed', 'errors'] as const;

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
    // Sums of waits differ in their last bit.
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

/** The counts of a sample since the start, of one guest or of all. */
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
 * The figures of a whole run, from the first message to the last reply, of one guest or of all together. Adapters are
 * shared, so their figures stand only in those of all guests.
 */
export const figuresUntil = (sample: LoadSample, guest?: string): LoadFigures => {
  const guests = sample.guests.filter((row) => guest === undefined || row.guest === guest);
  const seconds = messageSeconds(guests);
  const adapters = guest === undefined ? adaptersBetween(undefined, sample, seconds) : [];
  const each = guestNames({ guests }).map((name) => guestCounts(sample, name));
  return figuresOf(guestCounts(sample, guest), each, seconds, adapters);
};

/**
 * Messages a second at which the first adapter has all its engines busy, the load being shared between the adapters as it
 * was: engines / service time / share. Undefined where no adapter limits.
 */
export const modelLimit = (figures: LoadFigures): number | undefined => {
  const served = figures.adapters.reduce((total, adapter) => total + adapter.served, 0);
  const limits = figures.adapters.flatMap(({ limitPerSecond, served: own }) =>
    limitPerSecond === undefined || own === 0 ? [] : [(limitPerSecond * served) / own],
  );
  return limits.length === 0 ? undefined : Math.min(...limits);
};
