// SPDX-License-Identifier: Apache-2.0
// The state machine of one queue: an action for each event and state, and what each response code leads to (ap-architecture.md 2.2).

import { GR2_BS_MASK, GR2_BS_SHIFT } from '../../../native-like/arch/registers.ts';
import {
  AP_RESPONSE_BUSY,
  AP_RESPONSE_INVALID_DOMAIN,
  AP_RESPONSE_MESSAGE_TOO_BIG,
  AP_RESPONSE_NO_PENDING_REPLY,
  AP_RESPONSE_NORMAL,
  AP_RESPONSE_OTHERWISE_CHANGED,
  AP_RESPONSE_Q_FULL,
  AP_RESPONSE_REQ_FAC_NOT_INST,
  AP_RESPONSE_RESET_IN_PROGRESS,
} from '../../../native-like/arch/response-codes.ts';
import { AP_ISC } from '../../../native-like/arch/sie.ts';
import { aqic, aqicHigh, aqicLow, dqap, nqap, rapq, tapq } from '../instructions.ts';
import { irqEnabled, queueEmpty, RC_REPLY_LARGER, rc } from '../status.ts';
import { asyncSeen } from './async-errors.ts';
import { type Bus, crash, outOfBudget } from './bus.ts';
import { irqOverdue, waitForIrq } from './irq-wait.ts';
import {
  completeReply,
  markSent,
  refill,
  refuseOldest,
  requeuePending,
  slotAddress,
} from './messages.ts';
import {
  ASSOC_INVALID,
  DEV_ERROR,
  DEV_OPERATING,
  DEV_UNINITIATED,
  type QueueState,
  SM_IDLE,
  SM_QUEUE_FULL,
  SM_RESET_START,
  SM_RESET_WAIT,
  SM_WAIT_AGAIN,
  SM_WAIT_HIGH,
  SM_WAIT_INTERRUPT,
  SM_WAIT_LOW,
  SM_WAIT_NONE,
  SM_WORKING,
} from './state.ts';

type Action = (bus: Bus, queue: QueueState) => number;

const ENABLE_HIGH = aqicHigh({ ir: 1 });
const ENABLE_LOW = aqicLow({ isc: AP_ISC });

/** Handles an error of an instruction: a program interruption is an oops, else the queue waits in ERROR for the next scan. */
const toError = (bus: Bus, queue: QueueState, code: number): number => {
  if (bus.ap.programInterruption !== 0) crash(bus, `queue ${queue.apqn.toString(16)}`);
  queue.devState = DEV_ERROR;
  queue.lastErrorRc = code;
  queue.statistics.errors++;
  return SM_WAIT_NONE;
};

const armTimeout = (bus: Bus, queue: QueueState): void => {
  queue.timeoutNs = bus.ap.cpu.nowNs() + bus.state.requestTimeoutNs;
  if (bus.state.timeoutNs === 0) bus.state.timeoutNs = queue.timeoutNs;
};

const reset: Action = (bus, queue) => {
  const status = rapq(bus.ap, queue.apqn, queue.resetF);
  if (asyncSeen(bus, queue, status)) return SM_WAIT_NONE;
  switch (rc(status)) {
    case AP_RESPONSE_NORMAL:
    case AP_RESPONSE_RESET_IN_PROGRESS:
      queue.smState = SM_RESET_WAIT;
      queue.resetF = false;
      queue.statistics.resets++;
      return SM_WAIT_LOW;
    default:
      return toError(bus, queue, rc(status));
  }
};

/** Executes AQIC for this queue. Returns whether interruptions are enabled or about to be; if not, the queue is polled. */
const enableIrq = (bus: Bus, queue: QueueState): boolean => {
  const status = aqic(bus.ap, queue.apqn, ENABLE_HIGH, ENABLE_LOW, bus.state.nibAddress);
  if (bus.ap.programInterruption !== 0) crash(bus, `AQIC for ${queue.apqn.toString(16)}`);
  if (asyncSeen(bus, queue, status)) return false;
  const code = rc(status);
  return code === AP_RESPONSE_NORMAL || code === AP_RESPONSE_OTHERWISE_CHANGED;
};

/** Marks that the queue can take messages. When this is so for the first time, the processes that use it begin. */
const toReady = (bus: Bus, queue: QueueState): void => {
  queue.smState = queue.count > 0 ? SM_WORKING : SM_IDLE;
  if (queue.begun) return;
  queue.begun = true;
  bus.state.refillDue = true;
};

const resetWait: Action = (bus, queue) => {
  const { kernel } = bus;
  const reads = kernel.resetWaitReads && queue.count > 0 && queue.replyAddress !== 0;
  const status = reads ? receive(bus, queue) : tapq(bus.ap, queue.apqn, kernel.resetWaitWithT);
  switch (rc(status)) {
    case AP_RESPONSE_NORMAL:
      if (kernel.resetWaitWithT) queue.bindState = (bus.ap.infoHigh & GR2_BS_MASK) >>> GR2_BS_SHIFT;
      if (bus.state.irq && enableIrq(bus, queue)) waitForIrq(bus, queue);
      else toReady(bus, queue);
      return SM_WAIT_AGAIN;
    case AP_RESPONSE_RESET_IN_PROGRESS:
    case AP_RESPONSE_BUSY:
      return SM_WAIT_LOW;
    default:
      return toError(bus, queue, rc(status));
  }
};

const setirqWait: Action = (bus, queue) => {
  const reads = queue.count > 0 && queue.replyAddress !== 0;
  const status = reads ? receive(bus, queue) : tapq(bus.ap, queue.apqn, false);
  if (irqEnabled(status) || irqOverdue(bus, queue)) toReady(bus, queue);
  switch (rc(status)) {
    case AP_RESPONSE_NORMAL:
      return queue.count > 0 ? SM_WAIT_AGAIN : SM_WAIT_LOW;
    case AP_RESPONSE_NO_PENDING_REPLY:
      return SM_WAIT_LOW;
    default:
      return toError(bus, queue, rc(status));
  }
};

const queueFullWait = (queue: QueueState, status: number): number => {
  queue.smState = SM_QUEUE_FULL;
  return irqEnabled(status) ? SM_WAIT_INTERRUPT : SM_WAIT_HIGH;
};

const write: Action = (bus, queue) => {
  const slots = queue.slots;
  if (slots.waitingCount === 0) return SM_WAIT_NONE;
  const slot = slots.waiting[0];
  const status = nqap(
    bus.ap,
    queue.apqn,
    slots.psmidHigh[slot],
    slots.psmidLow[slot],
    slotAddress(slots, slot),
    slots.length[slot],
    slots.special[slot],
  );
  if (asyncSeen(bus, queue, status)) return SM_WAIT_NONE;
  // A queue that is full of other senders' messages gives no interruption, though Linux waits for one. So a timeout is needed.
  if (rc(status) === AP_RESPONSE_Q_FULL && queue.count === 0) armTimeout(bus, queue);
  switch (rc(status)) {
    case AP_RESPONSE_NORMAL:
      queue.count = Math.max(1, queue.count + 1);
      if (queue.count === 1) armTimeout(bus, queue);
      markSent(bus, queue);
      if (queue.count >= queue.limit) return queueFullWait(queue, status);
      queue.smState = SM_WORKING;
      return SM_WAIT_AGAIN;
    case AP_RESPONSE_Q_FULL:
      return queueFullWait(queue, status);
    case AP_RESPONSE_RESET_IN_PROGRESS:
      queue.smState = SM_RESET_WAIT;
      return SM_WAIT_LOW;
    case AP_RESPONSE_INVALID_DOMAIN:
    case AP_RESPONSE_MESSAGE_TOO_BIG:
    case AP_RESPONSE_REQ_FAC_NOT_INST:
      refuseOldest(bus, queue);
      refill(bus, queue);
      return SM_WAIT_AGAIN;
    default:
      return toError(bus, queue, rc(status));
  }
};

/** Executes DQAP for all parts of one reply, with the driver's bookkeeping (recv). Returns the status. */
const receive = (bus: Bus, queue: QueueState): number => {
  const { ap } = bus;
  let parts = 1;
  let status = dqap(ap, queue.apqn, queue.replyAddress, queue.replyBytes);
  while (rc(status) === RC_REPLY_LARGER && (ap.tokenLow | ap.tokenHigh) !== 0) {
    status = dqap(ap, queue.apqn, queue.replyAddress, queue.replyBytes, true);
    parts++;
  }
  const code = rc(status);
  if (code !== AP_RESPONSE_NORMAL && code !== AP_RESPONSE_NO_PENDING_REPLY) return status;
  if (code === AP_RESPONSE_NORMAL) {
    if (queue.count > 0) queue.count--;
    if (queue.count === 0 && !queueEmpty(status)) queue.count = 1;
    if (queue.count > 0) armTimeout(bus, queue);
    completeReply(bus, queue, parts);
    refill(bus, queue);
  }
  // In Linux the count alone decides: a reply nobody waits for takes the place of one that was lost, whose message hangs.
  if (queueEmpty(status) && (queue.count > 0 || queue.slots.pendingCount > 0)) {
    queue.count = 0;
    requeuePending(bus, queue);
  }
  return status;
};

/** Goes to IDLE and tries to enable interruptions that are off. Messages that wait are sent; Linux waits for the next one. */
const goIdle = (bus: Bus, queue: QueueState, status: number): number => {
  queue.smState = SM_IDLE;
  if (bus.state.irq && !irqEnabled(status) && queueEmpty(status) && enableIrq(bus, queue)) {
    waitForIrq(bus, queue);
    return SM_WAIT_AGAIN;
  }
  return queue.slots.waitingCount > 0 ? SM_WAIT_AGAIN : SM_WAIT_NONE;
};

const read: Action = (bus, queue) => {
  if (queue.replyAddress === 0) return SM_WAIT_NONE;
  const status = receive(bus, queue);
  if (asyncSeen(bus, queue, status)) return SM_WAIT_NONE;
  switch (rc(status)) {
    case AP_RESPONSE_NORMAL:
      if (queue.count === 0) return goIdle(bus, queue, status);
      queue.smState = SM_WORKING;
      return SM_WAIT_AGAIN;
    case AP_RESPONSE_NO_PENDING_REPLY:
      if (queue.count === 0) return goIdle(bus, queue, status);
      return irqEnabled(status) ? SM_WAIT_INTERRUPT : SM_WAIT_HIGH;
    default:
      return toError(bus, queue, rc(status));
  }
};

const readWrite: Action = (bus, queue) => Math.min(read(bus, queue), write(bus, queue));

const assocWait: Action = (bus, queue) => {
  const status = tapq(bus.ap, queue.apqn, true);
  const code = rc(status);
  if ((asyncSeen(bus, queue, status) && code !== AP_RESPONSE_NORMAL) || code > AP_RESPONSE_BUSY) {
    return toError(bus, queue, code);
  }
  queue.bindState = (bus.ap.infoHigh & GR2_BS_MASK) >>> GR2_BS_SHIFT;
  switch (queue.bindState) {
    case 0:
      queue.smState = SM_IDLE;
      return SM_WAIT_AGAIN;
    case 1:
      return SM_WAIT_LOW;
    default:
      queue.association = ASSOC_INVALID;
      return toError(bus, queue, code);
  }
};

/** Action of the POLL event by state, RESET_START to ASSOC_WAIT. */
const POLL_ACTIONS: readonly Action[] = [
  reset,
  resetWait,
  setirqWait,
  write,
  readWrite,
  read,
  assocWait,
];
/** Action of the TIMEOUT event by state. */
const TIMEOUT_ACTIONS: readonly Action[] = [
  () => SM_WAIT_NONE,
  () => SM_WAIT_NONE,
  () => SM_WAIT_NONE,
  () => SM_WAIT_NONE,
  reset,
  reset,
  reset,
];

const event = (actions: readonly Action[], bus: Bus, queue: QueueState): number => {
  if (!queue.config || queue.chkstop || queue.devState <= DEV_UNINITIATED) return SM_WAIT_NONE;
  return actions[queue.smState](bus, queue);
};

/** Handles one POLL event. Returns what the queue waits for. */
export const pollOnce = (bus: Bus, queue: QueueState): number => event(POLL_ACTIONS, bus, queue);

/** Handles POLL events until the queue waits for something. AGAIN means that the instructions of the step are used up. */
export const pollLoop = (bus: Bus, queue: QueueState): number => {
  for (;;) {
    const wait = event(POLL_ACTIONS, bus, queue);
    if (wait !== SM_WAIT_AGAIN || outOfBudget(bus)) return wait;
  }
};

/** Handles the TIMEOUT event: there was no reply for too long. */
export const timeoutEvent = (bus: Bus, queue: QueueState): number =>
  event(TIMEOUT_ACTIONS, bus, queue);

/** Puts a queue at the start of its state machine and gives it one POLL event, which resets it (restart, section 5.3). */
export const restart = (bus: Bus, queue: QueueState): number => {
  queue.devState = DEV_OPERATING;
  queue.smState = SM_RESET_START;
  queue.lastErrorRc = 0;
  queue.asyncSeen = false;
  queue.association = ASSOC_INVALID;
  return pollOnce(bus, queue);
};
