// SPDX-License-Identifier: Apache-2.0
// Card and queue devices: creation, binding of the queue drivers, removal.
// Source: docs/reference/ap-architecture.md sections 4.4 to 4.6 and 5.3; order of the first instructions of a queue:
// test/golden/linux-guest.

import { messageLimit } from '../../../native-like/arch/limits.ts';
import {
  GR2_A,
  GR2_D,
  GR2_ML_MASK,
  GR2_ML_SHIFT,
  GR2_QD_MASK,
  GR2_X,
} from '../../../native-like/arch/registers.ts';
import { zapq } from '../instructions.ts';
import type { WorkloadQueue } from '../workloads/workload.ts';
import { addQueue, type Bus, dropQueue } from './bus.ts';
import { flushQueue, setUpSlots } from './messages.ts';
import { applyWait } from './poll.ts';
import { pollOnce, restart } from './queue.ts';
import {
  type CardState,
  createQueue,
  DEV_SHUTDOWN,
  DEV_UNINITIATED,
  type QueueState,
} from './state.ts';
import { addStatistics } from './statistics.ts';

const CARD_DRIVER = 'cex4card';
const QUEUE_DRIVER = 'cex4queue';
const BUFFER_ALIGNMENT = 256;

const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;

/** Longest message of a card in bytes: TAPQ ml, in units of 4 KiB. */
const maxMessageBytes = (card: CardState): number =>
  messageLimit((card.infoLow >>> GR2_ML_SHIFT) & GR2_ML_MASK);

/** Highest number of messages that the driver keeps in a queue of this card. */
const inFlightLimit = (bus: Bus, card: CardState): number =>
  (card.infoLow & GR2_QD_MASK) + bus.kernel.inFlightOverQd;

/** Whether a driver takes the device: one of the mode bits must be on. */
const drivable = (card: CardState): boolean => (card.infoHigh & (GR2_D | GR2_A | GR2_X)) !== 0;

/**
 * Reserves storage for the buffers of a queue: what this APQN had before if that is enough, else new storage. Returns 0 if storage is
 * used up.
 */
const reserve = (bus: Bus, apqn: number, bytes: number): number => {
  const { state } = bus;
  const kept = state.areas.find((area) => area.apqn === apqn && area.bytes >= bytes);
  if (kept !== undefined) return kept.address;
  const address = state.nextAddress;
  if (address + bytes > bus.storage.length) return 0;
  state.nextAddress = roundUp(address + bytes, BUFFER_ALIGNMENT);
  state.areas.push({ apqn, address, bytes });
  return address;
};

/** Sets up buffers and workload of a queue. Returns false if guest storage is not enough: then the probe fails. */
const setUpBuffers = (bus: Bus, card: CardState, queue: QueueState): boolean => {
  const replyBytes = maxMessageBytes(card);
  const limit = Math.max(1, inFlightLimit(bus, card));
  const view: WorkloadQueue = {
    apqn: queue.apqn,
    type: card.type,
    functions: card.infoHigh,
    maxMessageBytes: replyBytes,
    limit,
  };
  const workload = bus.workload.init(bus.state.workloadArgs, view);
  const slotBytes = roundUp(bus.workload.requestBytes(workload, view), 8);
  const capacity = Math.min(limit, bus.state.outstanding);
  const address = reserve(bus, queue.apqn, replyBytes + capacity * slotBytes);
  if (address === 0) return false;
  queue.limit = limit;
  queue.replyAddress = address;
  queue.replyBytes = replyBytes;
  queue.workload = workload;
  const { workloadQueues } = bus.state;
  queue.finished = workloadQueues !== undefined && !workloadQueues.includes(queue.apqn);
  setUpSlots(queue.slots, address + replyBytes, slotBytes, capacity);
  return true;
};

/** Binds the queue driver: restart (RAPQ), then one POLL event with the reply buffer in place (TAPQ, AQIC). */
export const probeQueue = (bus: Bus, card: CardState, queue: QueueState): void => {
  if (queue.driver !== '' || card.driver === '') return;
  if (!setUpBuffers(bus, card, queue)) return;
  applyWait(bus, restart(bus, queue));
  applyWait(bus, pollOnce(bus, queue));
  queue.driver = QUEUE_DRIVER;
  queue.online = true;
  bus.state.refillDue = true;
};

const probeCard = (card: CardState): void => {
  if (drivable(card)) card.driver = CARD_DRIVER;
};

/** Loads the drivers' modules. The cards that exist are probed now; the caller probes the queues in the order of their creation. */
export const loadDrivers = (bus: Bus): void => {
  bus.state.driversLoaded = true;
  for (const card of bus.state.cards) probeCard(card);
};

/** Creates the device of a card. */
export const createCard = (bus: Bus, card: Omit<CardState, 'driver' | 'online'>): CardState => {
  const device: CardState = { ...card, driver: '', online: true };
  bus.state.cards.push(device);
  bus.cardOf.set(device.apid, device);
  if (bus.state.driversLoaded) probeCard(device);
  return device;
};

/** Creates the device of a queue. Some kernels start its state machine here. */
export const createQueueDevice = (
  bus: Bus,
  card: CardState,
  apqn: number,
  found: { readonly config: boolean; readonly chkstop: boolean; readonly bindState: number },
): void => {
  const queue = createQueue(apqn);
  queue.config = found.config;
  queue.chkstop = found.chkstop;
  queue.bindState = found.bindState;
  addQueue(bus, queue);
  if (bus.state.driversLoaded) probeQueue(bus, card, queue);
  if (bus.kernel.resetAtCreation && queue.config && !queue.chkstop) {
    applyWait(bus, restart(bus, queue));
  }
};

/** Removes a queue device: flushes its messages, then executes ZAPQ. Its counts are added to `retired`. */
export const removeQueue = (bus: Bus, queue: QueueState): void => {
  flushQueue(bus, queue);
  queue.devState = DEV_SHUTDOWN;
  queue.timeoutNs = 0;
  zapq(bus.ap, queue.apqn);
  queue.devState = DEV_UNINITIATED;
  dropQueue(bus, queue);
  addStatistics(bus.state.retired, queue.statistics);
};

/** Removes a card device with its queues. */
export const removeCard = (bus: Bus, card: CardState): void => {
  for (const queue of [...bus.state.queues]) {
    if (queue.apqn >> 8 === card.apid) removeQueue(bus, queue);
  }
  bus.cardOf.delete(card.apid);
  bus.state.cards.splice(bus.state.cards.indexOf(card), 1);
};
