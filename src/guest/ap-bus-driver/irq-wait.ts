// SPDX-License-Identifier: Apache-2.0
// Waits until interruptions that were enabled show in the status of a queue, and gives up if they do not.
// Source: docs/reference/ap-architecture.md section 2.2 (SETIRQ_WAIT).
import type { Bus } from './bus.ts';
import { IRQ_WAIT_NS } from './kernels.ts';
import { type QueueState, SM_SETIRQ_WAIT } from './state.ts';

/** Begins to wait: AQIC was accepted, and the status will show it. */
export const waitForIrq = (bus: Bus, queue: QueueState): void => {
  queue.smState = SM_SETIRQ_WAIT;
  queue.irqSinceNs = Math.max(1, bus.ap.cpu.nowNs());
};

/**
 * Whether a reset that the driver does not know of must have taken the interruptions away, so that the queue is to be polled. Linux waits
 * for them for ever.
 */
export const irqOverdue = (bus: Bus, { irqSinceNs }: QueueState): boolean =>
  irqSinceNs !== 0 && bus.ap.cpu.nowNs() - irqSinceNs > IRQ_WAIT_NS;
