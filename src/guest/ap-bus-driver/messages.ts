// SPDX-License-Identifier: Apache-2.0
// The messages of one queue: their slots, the request list, the pending list, and what happens when one ends.
// Source: docs/reference/ap-architecture.md section 2.2 (recv, flush), docs/reference/messages.md section 1.6 (PSMID).

import { NO_MORE_MESSAGES, SPECIAL_COMMAND } from '../workloads/workload.ts';
import type { Bus } from './bus.ts';
import { arrivalsOver, isOpenLoop } from './pace.ts';
import { DEV_OPERATING, type MessageSlots, type QueueState } from './state.ts';
import { addLatency } from './statistics.ts';

/** How often a message is sent again because its queue has forgotten it. A choice: zcrypt's limit of tries. */
const RESENT_MAX = 10;

/** High half of the PSMIDs of a queue's messages: the number of the process that sends them, one for each queue. */
const senderOf = (queue: QueueState): number => 0x1000 + queue.apqn;

/** Sets up `capacity` empty slots over storage at `address`. */
export const setUpSlots = (
  slots: MessageSlots,
  address: number,
  slotBytes: number,
  capacity: number,
): void => {
  const zeros = (): number[] => new Array<number>(capacity).fill(0);
  slots.capacity = capacity;
  slots.slotBytes = slotBytes;
  slots.address = address;
  slots.psmidHigh = zeros();
  slots.psmidLow = zeros();
  slots.length = zeros();
  slots.special = new Array<boolean>(capacity).fill(false);
  slots.startNs = zeros();
  slots.resent = zeros();
  slots.free = zeros().map((_, i) => capacity - 1 - i);
  slots.freeCount = capacity;
  slots.waiting = zeros();
  slots.waitingCount = 0;
  slots.pending = zeros();
  slots.pendingCount = 0;
};

/** Guest address of the request in a slot. */
export const slotAddress = (slots: MessageSlots, slot: number): number =>
  slots.address + slot * slots.slotBytes;

/** Removes entry `at` of a list with `count` entries, keeping the order. */
const removeAt = (list: number[], count: number, at: number): void => {
  for (let i = at + 1; i < count; i++) list[i - 1] = list[i];
};

const release = (slots: MessageSlots, slot: number): void => {
  slots.free[slots.freeCount++] = slot;
};

/** Moves the oldest message that waits to those that are pending, because NQAP has accepted it. */
export const markSent = (bus: Bus, queue: QueueState): void => {
  if (bus.state.firstMessageNs === 0) bus.state.firstMessageNs = bus.ap.cpu.nowNs();
  const slots = queue.slots;
  slots.pending[slots.pendingCount++] = slots.waiting[0];
  removeAt(slots.waiting, slots.waitingCount--, 0);
  queue.statistics.sent++;
};

/** Ends the oldest message that waits with -EINVAL, because NQAP has refused it. */
export const refuseOldest = (bus: Bus, queue: QueueState): void => {
  const slots = queue.slots;
  const slot = slots.waiting[0];
  release(slots, slot);
  removeAt(slots.waiting, slots.waitingCount--, 0);
  queue.statistics.refused++;
  bus.workload.lost(queue.workload, false, slotAddress(slots, slot));
};

/** Ends the pending message whose PSMID the reply has that was just dequeued. With more than one part it did not fit (-EMSGSIZE). */
export const completeReply = (bus: Bus, queue: QueueState, parts: number): void => {
  const { ap, workload, storage } = bus;
  const slots = queue.slots;
  const statistics = queue.statistics;
  for (let i = 0; i < slots.pendingCount; i++) {
    const slot = slots.pending[i];
    if (slots.psmidLow[slot] !== ap.psmidLow || slots.psmidHigh[slot] !== ap.psmidHigh) continue;
    removeAt(slots.pending, slots.pendingCount--, i);
    if (parts > 1) {
      statistics.tooLarge++;
      workload.lost(queue.workload, false, slotAddress(slots, slot));
    } else {
      const request = slotAddress(slots, slot);
      const right = workload.check(
        queue.workload,
        storage,
        request,
        slots.length[slot],
        queue.replyAddress,
        ap.length,
      );
      if (right) statistics.answered++;
      else statistics.wrong++;
      const now = ap.cpu.nowNs();
      bus.state.lastReplyNs = now;
      addLatency(statistics, now - slots.startNs[slot]);
    }
    release(slots, slot);
    return;
  }
  statistics.unmatched++;
};

/**
 * Called when the queue has forgotten its requests: all pending ones go to the end of the request list and are sent again. One that is
 * forgotten too often ends with -EAGAIN, while Linux would send it for ever.
 */
export const requeuePending = (bus: Bus, queue: QueueState): void => {
  const slots = queue.slots;
  const pending = slots.pending.slice(0, slots.pendingCount);
  slots.pendingCount = 0;
  for (const slot of pending) {
    const tries = (slots.resent[slot] ?? 0) + 1;
    slots.resent[slot] = tries;
    if (tries > RESENT_MAX) {
      release(slots, slot);
      queue.statistics.flushed++;
      bus.workload.lost(queue.workload, true, slotAddress(slots, slot));
      queue.finished = false;
      bus.state.refillDue = true;
    } else {
      slots.waiting[slots.waitingCount++] = slot;
      queue.statistics.resent++;
    }
  }
};

/** Ends all messages of a queue with -EAGAIN. */
export const flushQueue = (bus: Bus, queue: QueueState): void => {
  const slots = queue.slots;
  const lost = slots.pendingCount + slots.waitingCount;
  const flush = (slot: number): void => {
    release(slots, slot);
    bus.workload.lost(queue.workload, true, slotAddress(slots, slot));
  };
  while (slots.pendingCount > 0) flush(slots.pending[--slots.pendingCount]);
  while (slots.waitingCount > 0) flush(slots.waiting[--slots.waitingCount]);
  queue.statistics.flushed += lost;
  if (lost > 0) {
    queue.finished = false;
    bus.state.refillDue = true;
  }
};

/**
 * Takes new messages from the workload until all slots are in use. Stands for processes that wait for a reply and then send their next
 * request. Nothing is taken for a queue that is not OPERATING, since it refuses messages (-ENODEV), nor for one that is deconfigured or
 * checkstopped, since zcrypt does not choose it.
 */
export const refill = (bus: Bus, queue: QueueState): void => {
  if (queue.finished || !queue.begun || queue.replyAddress === 0 || !queue.online) return;
  if (queue.devState !== DEV_OPERATING || !queue.config || queue.chkstop) return;
  const slots = queue.slots;
  const openLoop = isOpenLoop(bus.state);
  while (slots.freeCount > 0) {
    if (openLoop && queue.backlog.length === 0) {
      queue.finished = arrivalsOver(bus.state);
      return;
    }
    const slot = slots.free[slots.freeCount - 1];
    const length = bus.workload.next(queue.workload, bus.storage, slotAddress(slots, slot));
    if (length <= 0) {
      queue.finished = length === NO_MORE_MESSAGES;
      return;
    }
    slots.freeCount--;
    slots.resent[slot] = 0;
    slots.length[slot] = length & ~SPECIAL_COMMAND;
    bus.ap.cpu.wroteStorage(slotAddress(slots, slot), slots.length[slot]);
    slots.special[slot] = (length & SPECIAL_COMMAND) !== 0;
    slots.psmidHigh[slot] = senderOf(queue);
    slots.psmidLow[slot] = bus.state.psmidCounter = (bus.state.psmidCounter + 1) | 0;
    slots.startNs[slot] = openLoop ? queue.backlog.shift()! : bus.ap.cpu.nowNs();
    slots.waiting[slots.waitingCount++] = slot;
    queue.requests++;
  }
};
