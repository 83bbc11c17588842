// SPDX-License-Identifier: Apache-2.0
// Open loop: messages arrive at a rate or at times of their own, whether earlier ones have been answered or not, and queues take turns.
// Latencies then count from the arrival, so a slow queue cannot hide its delay by keeping the next message from being sent.

import { NS_PER_SECOND, TWO_TO_32 } from '../../units.ts';
import type { Bus } from './bus.ts';
import { type ApBusState, DEV_OPERATING, type QueueState } from './state.ts';

/** Arrivals that may wait for a queue; more are counted as overrun and forgotten. */
const BACKLOG_MAX = 4096;
/** Arrivals handled in one step. */
const ARRIVALS_PER_STEP = 256;

/** A number in (0, 1], seeded (xorshift). */
const draw = (bus: Bus): number => {
  let x = bus.state.paceRandom;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  bus.state.paceRandom = x;
  return ((x >>> 0) + 1) / TWO_TO_32;
};

/** Time to the next arrival: constant, or exponentially distributed (Poisson arrivals). */
const intervalNs = (bus: Bus): number => {
  const mean = NS_PER_SECOND / bus.state.ratePerSecond;
  return bus.state.arrivals === 'poisson' ? -Math.log(draw(bus)) * mean : mean;
};

/** Messages arrive by themselves; in a closed loop the next one is there when a place is free. */
export const isOpenLoop = ({ ratePerSecond, arrivalTimesNs }: ApBusState): boolean =>
  ratePerSecond > 0 || arrivalTimesNs !== undefined;

/** Nothing arrives any more. */
export const arrivalsOver = ({ arrivalTimesNs, arrived }: ApBusState): boolean =>
  arrivalTimesNs !== undefined && arrived >= arrivalTimesNs.length;

/** The arrival after one at `lastNs`; Infinity: there is none. */
const nextArrivalNs = (bus: Bus, lastNs: number): number => {
  const { arrivalTimesNs, arrived, paceOriginNs } = bus.state;
  if (arrivalTimesNs === undefined) return lastNs + intervalNs(bus);
  if (arrivalsOver(bus.state)) return Number.POSITIVE_INFINITY;
  return paceOriginNs + arrivalTimesNs[arrived];
};

/** The first arrival, or the next one after a time without queues: times of arrivals go on meanwhile. */
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

/** The queue whose turn it is, among those that take messages. */
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

/** One message arrives for a queue. It finds the queue full when those before it take all its free places. */
const arrive = ({ state }: Bus, queue: QueueState | undefined): void => {
  state.arrived++;
  if (queue === undefined || queue.backlog.length >= BACKLOG_MAX) {
    state.overrun++;
    return;
  }
  if (queue.backlog.length >= queue.slots.freeCount) queue.statistics.full++;
  queue.backlog.push(state.paceNs);
};

/** Whether no queue wants a message any more. A queue that is only out of order for now does. */
const workloadOver = (queues: readonly QueueState[]): boolean =>
  queues.every((queue) => queue.finished || queue.driver === '');

/** Lets the messages arrive that are due. Nothing arrives before a queue is ready, or in a closed loop. */
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
