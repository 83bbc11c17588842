// SPDX-License-Identifier: Apache-2.0
// Decides when queues are polled: by the poll timer, the poll thread, interruptions, and request timeouts.
// Source: docs/reference/ap-architecture.md sections 2.2 (waits) and 5.5 (interrupt path).

import { type Bus, outOfBudget } from './bus.ts';
import { POLL_THREAD_NS } from './kernels.ts';
import { refill } from './messages.ts';
import { pollLoop, timeoutEvent } from './queue.ts';
import { SM_WAIT_AGAIN, SM_WAIT_HIGH, SM_WAIT_LOW, SM_WAIT_NONE } from './state.ts';

/** Arms the poll timer, unless it is armed already: the poll it causes finds the smallest wait anew. */
const armPollTimer = (bus: Bus, delayNs: number): void => {
  if (bus.state.pollNs === 0) bus.state.pollNs = bus.ap.cpu.nowNs() + delayNs;
};

/** Arranges for the next poll as a wait of the state machine asks for. */
export const applyWait = (bus: Bus, wait: number): void => {
  const { state } = bus;
  switch (wait) {
    case SM_WAIT_NONE:
      return;
    case SM_WAIT_LOW:
      armPollTimer(bus, bus.kernel.lowPollNs);
      return;
    case SM_WAIT_HIGH:
      armPollTimer(bus, state.highPollNs);
      return;
    default:
      // For AGAIN and INTERRUPT an interruption will come. Without interruptions, the poll thread or the timer takes its place.
      if (state.irq) return;
      if (!state.pollThread) {
        armPollTimer(bus, state.highPollNs);
        return;
      }
      state.pollNs = Math.min(state.pollNs || Infinity, bus.ap.cpu.nowNs() + POLL_THREAD_NS);
  }
};

/** Takes pending adapter interruptions. A handler runs only if its indicator byte is non-zero; it asks for a poll. */
export const takeInterruptions = (bus: Bus): void => {
  const { state } = bus;
  if (!state.irq) return;
  while (bus.ap.cpu.takeInterruption() !== 0) {
    state.interruptions++;
    if (bus.storage[state.nibAddress] !== 0) state.pollDue = true;
  }
};

/** Handles the poll timer and request timeouts that are due. */
export const runTimers = (bus: Bus): void => {
  const { state } = bus;
  const now = bus.ap.cpu.nowNs();
  if (state.pollNs !== 0 && now >= state.pollNs) {
    state.pollNs = 0;
    state.pollDue = true;
  }
  if (state.timeoutNs === 0 || now < state.timeoutNs) return;
  let next = Infinity;
  for (const queue of state.queues) {
    if (queue.timeoutNs !== 0 && queue.timeoutNs <= now) {
      queue.timeoutNs = 0;
      applyWait(bus, timeoutEvent(bus, queue));
    }
    if (queue.timeoutNs !== 0 && queue.timeoutNs < next) next = queue.timeoutNs;
  }
  state.timeoutNs = next === Infinity ? 0 : next;
};

const startPoll = (bus: Bus): void => {
  const { state } = bus;
  if (state.irq) bus.storage[state.nibAddress] = 0;
  state.pollDue = false;
  state.pollCursor = 0;
  state.pollWait = SM_WAIT_NONE;
  state.polls++;
};

/**
 * Polls all queues once, as the tasklet does: clears the indicator byte, then runs a POLL event loop for each queue. Returns false if the
 * instructions of the step are used up; the next call goes on from there.
 */
export const pollAll = (bus: Bus): boolean => {
  const { state, pollOrder } = bus;
  if (state.pollCursor < 0) startPoll(bus);
  while (state.pollCursor < pollOrder.length) {
    if (outOfBudget(bus)) return false;
    const queue = pollOrder[state.pollCursor];
    refill(bus, queue);
    const wait = pollLoop(bus, queue);
    if (wait === SM_WAIT_AGAIN) return false;
    if (wait < state.pollWait) state.pollWait = wait;
    state.pollCursor++;
  }
  state.pollCursor = -1;
  applyWait(bus, state.pollWait);
  return true;
};

/** Offers new messages to all queues and starts them, as a process does that sends a request. */
export const refillAll = (bus: Bus): void => {
  const { state } = bus;
  state.refillDue = false;
  for (const queue of bus.state.queues) {
    const before = queue.slots.waitingCount;
    refill(bus, queue);
    if (queue.slots.waitingCount === before) continue;
    if (outOfBudget(bus)) {
      state.pollDue = true;
      continue;
    }
    const wait = pollLoop(bus, queue);
    if (wait === SM_WAIT_AGAIN) state.pollDue = true;
    else applyWait(bus, wait);
  }
};

/** Earliest time at which the driver has something to do by itself. */
export const nextWakeNs = (bus: Bus): number => {
  const { pollNs, scanNs, timeoutNs, paceNs } = bus.state;
  let wake = scanNs;
  if (pollNs !== 0 && pollNs < wake) wake = pollNs;
  if (timeoutNs !== 0 && timeoutNs < wake) wake = timeoutNs;
  if (paceNs !== 0 && paceNs < wake) wake = paceNs;
  return wake;
};
