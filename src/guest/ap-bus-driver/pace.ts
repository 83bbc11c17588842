// SPDX-License-Identifier: Apache-2.0
// Open loop: messages arrive at a rate or at given times, whether earlier ones have been answered or not, and the queues take turns.
// Latencies count from the arrival, so that a slow queue cannot hide its delay by keeping the next message from being sent.

import { NS_PER_SECOND, TWO_TO_32 } from '../../units.ts';
import type { Bus } from './bus.ts';
import { type ApBusState, DEV_OPERATING, type QueueState } from './state.ts';

/** Number of arrivals that may wait for a queue. More are counted as overrun and dropped. */
const BACKLOG_MAX = 4096;
/** Number of arrivals that are handled in one step. */
const ARRIVALS_PER_STEP = 256;

/** A random number above 0, at most 1, from a seed (xorshift). */
const draw = (bus: Bus): number => {
  let x = bus.state.paceRandom;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  bus.state.paceRandom = x;
  return ((x >>> 0) + 1) / TWO_TO_32;
};

/** Nanoseconds to the next arrival: constant, or exponentially distributed (Poisson arrivals). */
const intervalNs = (bus: Bus): number => {
  const mean = NS_PER_SECOND / bus.state.ratePerSecond;
  return bus.state.arrivals === 'poisson' ? -Math.log(draw(bus)) * mean : mean;
};

/** Whether messages arrive by themselves. In a closed loop, the next one is there as soon as a place is free. */
export const isOpenLoop = ({ ratePerSecond, arrivalTimesNs }: ApBusState): boolean =>
  ratePerSecond > 0 || arrivalTimesNs !== undefined;

/** Whether nothing arrives any more. */
export const arrivalsOver = ({ arrivalTimesNs, arrived }: ApBusState): boolean =>
  arrivalTimesNs !== undefined && arrived >= arrivalTimesNs.length;

/** Time of the arrival that follows one at `lastNs`; Infinity if there is none. */
const nextArrivalNs = (bus: Bus, lastNs: number): number => {
  const { arrivalTimesNs, arrived, paceOriginNs } = bus.state;
  if (arrivalTimesNs === undefined) return lastNs + intervalNs(bus);
  if (arrivalsOver(bus.state)) return Number.POSITIVE_INFINITY;
  return paceOriginNs + arrivalTimesNs[arrived];
};

/** Sets the time of the first arrival, or of the next one after a time without queues. Given times of arrival do not wait for queues. */
const begin = (bus: Bus, now: number): void => {
  const { state } = bus;
  if (state.arrived === 0) state.paceOriginNs = now;
  state.paceNs = nextArrivalNs(bus, now);
};

const takesMessages = (queue: QueueState): boolean =>
  queue.devState === DEV_OPERATING &&
  queue.begun &&
  queue.online &&
  queue.config &&
  !queue.chkstop &&
  !queue.finished;

/** The queue whose turn it is, among those that accept messages. */
const nextQueue = (bus: Bus): QueueState | undefined => {
  const { state } = bus;
  const { queues } = state;
  for (let i = 0; i < queues.length; i++) {
    const queue = queues[(state.paceTurn + i) % queues.length];
    if (!takesMessages(queue)) continue;
    state.paceTurn = (state.paceTurn + i + 1) % queues.length;
    return queue;
  }
  return undefined;
};

/** Lets one message arrive for a queue. The queue counts as full if the messages before it take all its free places. */
const arrive = ({ state }: Bus, queue: QueueState | undefined): void => {
  state.arrived++;
  if (queue === undefined || queue.backlog.length >= BACKLOG_MAX) {
    state.overrun++;
    return;
  }
  if (queue.backlog.length >= queue.slots.freeCount) queue.statistics.full++;
  queue.backlog.push(state.paceNs);
};

/** Whether no queue will accept messages any more. A queue that is only out of order for now still will. */
const workloadOver = (queues: readonly QueueState[]): boolean =>
  queues.every((queue) => queue.finished || queue.driver === '');

/** Lets the messages arrive that are due. In a closed loop, or before a queue is ready, nothing arrives. */
export const runArrivals = (bus: Bus): void => {
  const { state } = bus;
  if (!isOpenLoop(state) || !state.queues.some(({ begun }) => begun)) return;
  if (workloadOver(state.queues)) {
    state.paceNs = 0;
    return;
  }
  const now = bus.ap.cpu.nowNs();
  if (state.paceNs === 0) begin(bus, now);
  for (let i = 0; i < ARRIVALS_PER_STEP && state.paceNs <= now; i++) {
    arrive(bus, nextQueue(bus));
    state.paceNs = nextArrivalNs(bus, state.paceNs);
    state.refillDue = true;
  }
};
