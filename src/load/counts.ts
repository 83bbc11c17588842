// SPDX-License-Identifier: Apache-2.0
// All that is counted under load, in one table of numbers that can be copied, added and subtracted.
// Source: src/guest/ap-bus-driver/statistics.ts (the driver's own counts), src/guest/counters.ts (instructions).

import { AP_RESPONSE_Q_FULL } from '../../native-like/arch/response-codes.ts';
import type { ApBusState } from '../guest/ap-bus-driver/state.ts';
import {
  bucketStartNs,
  LATENCY_BUCKETS,
  latencyBucket,
  type QueueStatistics,
} from '../guest/ap-bus-driver/statistics.ts';
import { totalStatistics } from '../guest/ap-bus-driver/total-statistics.ts';
import type { UserLoad } from '../guest/c-driver/with-user.ts';
import { COUNTED_NQAP, COUNTER_COLUMNS } from '../guest/counters.ts';
import type { ProgramReport } from './program-report.ts';

/** Counts that only grow. They are numbers of messages, except where said otherwise. */
const GROWING = [
  /** Open loop: arrivals by the schedule, and arrivals that were dropped because the backlog was full. */
  'arrived',
  'overrun',
  /** Arrivals that found all places of their queue taken. */
  'full',
  'sent',
  'answered',
  'wrong',
  'refused',
  'tooLarge',
  'flushed',
  'resent',
  'errors',
  /** Ended with an error by a driver that has a user of its own. */
  'failed',
  /** NQAPs executed, and NQAPs that ended with response code 10 (queue full). */
  'nqap',
  'nqapFull',
  'latencySumNs',
] as const;
export type CountName = (typeof GROWING)[number];

export interface LoadCounts extends Record<CountName, number> {
  latencyMaxNs: number;
  /** Number of answered messages in each bucket of latencies (`latencyBucket`). */
  latency: number[];
  /** Number of messages that have arrived and have no answer yet, by their age, in the same buckets. */
  waiting: number[];
}

const noBuckets = (): number[] => new Array<number>(LATENCY_BUCKETS).fill(0);

export const createCounts = (): LoadCounts => ({
  ...(Object.fromEntries(GROWING.map((name) => [name, 0])) as Record<CountName, number>),
  latencyMaxNs: 0,
  latency: noBuckets(),
  waiting: noBuckets(),
});

/** Whether a program's state is that of the reference AP bus driver. */
export const isBusState = (state: unknown): state is ApBusState =>
  typeof state === 'object' && state !== null && 'cards' in state && 'ratePerSecond' in state;

/** What a program says of its messages that is a driver and its user (a driver in C); undefined: it is none. */
export const userLoadOf = (state: unknown): UserLoad | undefined => {
  const load = objectIn(state, 'load');
  // The state of somebody's module may have a property of that name, too.
  const isLoad = objectIn(load, 'statistics') !== undefined && objectIn(load, 'open') !== undefined;
  return isLoad ? (load as UserLoad) : undefined;
};

/** An object's property that is an object; undefined if there is none. */
const objectIn = (value: unknown, name: string): object | undefined => {
  if (typeof value !== 'object' || value === null) return undefined;
  const found = (value as Record<string, unknown>)[name];
  return typeof found === 'object' && found !== null ? found : undefined;
};

/** Times of a program's first message and last reply; undefined for programs that make no load. */
export const messageTimes = (
  state: unknown,
): Pick<UserLoad, 'firstMessageNs' | 'lastReplyNs'> | undefined =>
  isBusState(state) ? state : userLoadOf(state);

/** Ages at `nowNs` of all messages of a driver that have no answer yet: arrived, waiting for NQAP, or in a queue. */
const waitingOf = (state: ApBusState, nowNs: number): number[] => {
  const ages = noBuckets();
  const add = (startNs: number): void => {
    const bucket = latencyBucket(nowNs - startNs);
    ages[bucket] = ages[bucket] + 1;
  };
  for (const { backlog, slots, finished } of state.queues) {
    // A queue whose workload has ended does not send the arrivals that still wait for it, so they do not count.
    if (!finished) for (const startNs of backlog) add(startNs);
    for (let i = 0; i < slots.waitingCount; i++) add(slots.startNs[slots.waiting[i]]);
    for (let i = 0; i < slots.pendingCount; i++) add(slots.startNs[slots.pending[i]]);
  }
  return ages;
};

const nqapCounts = (counters: Int32Array): { nqap: number; nqapFull: number } => {
  const row = COUNTED_NQAP * COUNTER_COLUMNS;
  let nqap = 0;
  for (let column = 0; column < COUNTER_COLUMNS; column++) nqap += counters[row + column] >>> 0;
  return { nqap, nqapFull: counters[row + AP_RESPONSE_Q_FULL] >>> 0 };
};

const zip = (a: number[], b: number[], of: (a: number, b: number) => number): number[] =>
  a.map((value, i) => of(value, b[i]));

/** Ages of the requests of a driver's own user. */
const openOf = ({ open }: UserLoad, nowNs: number): number[] => {
  const ages = noBuckets();
  for (const startNs of Object.values(open)) ages[latencyBucket(nowNs - startNs)]++;
  return ages;
};

interface Messages {
  readonly statistics: QueueStatistics;
  readonly more: Partial<Record<CountName, number>>;
  readonly waiting: number[];
}

const messagesOf = (state: unknown, nowNs: number): Messages | undefined => {
  if (isBusState(state)) {
    const { arrived, overrun } = state;
    const more = { arrived, overrun, failed: 0 };
    return { statistics: totalStatistics(state), more, waiting: waitingOf(state, nowNs) };
  }
  const load = userLoadOf(state);
  if (load === undefined) return undefined;
  const more = { arrived: 0, overrun: 0, failed: load.failed };
  return { statistics: load.statistics, more, waiting: openOf(load, nowNs) };
};

/** A copy of the counts of one program at `nowNs`; undefined for programs that make no load. */
export const countsOf = (report: ProgramReport, nowNs: number): LoadCounts | undefined => {
  const messages = messagesOf(report.state, nowNs);
  if (messages === undefined) return undefined;
  const { statistics, more, waiting } = messages;
  const counts = createCounts();
  const from = { ...statistics, ...more, ...nqapCounts(report.counters) };
  for (const name of GROWING) counts[name] = (from as unknown as LoadCounts)[name];
  counts.latencyMaxNs = statistics.latencyMaxNs;
  counts.latency = zip(counts.latency, statistics.latency, (_none, count = 0) => count);
  counts.waiting = waiting;
  return counts;
};

/** The sum of the counts of several programs. */
export const addCounts = (all: readonly LoadCounts[]): LoadCounts => {
  const total = createCounts();
  for (const counts of all) {
    for (const name of GROWING) total[name] += counts[name];
    total.latencyMaxNs = Math.max(total.latencyMaxNs, counts.latencyMaxNs);
    total.latency = zip(total.latency, counts.latency, (a, b) => a + b);
    total.waiting = zip(total.waiting, counts.waiting, (a, b) => a + b);
  }
  return total;
};

/**
 * What happened between two copies of the counts. `waiting` is that of the end. The largest latency is exact only if it is new; otherwise
 * it is the edge of its bucket.
 */
export const countsBetween = (from: LoadCounts, to: LoadCounts): LoadCounts => {
  const result = createCounts();
  for (const name of GROWING) result[name] = to[name] - from[name];
  result.latency = zip(to.latency, from.latency, (a, b) => a - b);
  result.waiting = to.waiting;
  const last = result.latency.findLastIndex((n) => n > 0);
  const edge = last < 0 ? 0 : bucketStartNs(last + 1);
  result.latencyMaxNs = to.latencyMaxNs > from.latencyMaxNs ? to.latencyMaxNs : edge;
  return result;
};
