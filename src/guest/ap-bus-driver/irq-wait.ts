// SPDX-License-Identifier: Apache-2.0
// Waiting until interruptions that were asked for show in the status of a queue, and giving them up.
// Source: docs/reference/ap-architecture.md section 2.2 (SETIRQ_WAIT).
import type { Bus } from './bus.ts';
import { IRQ_WAIT_NS } from './kernels.ts';
import { type QueueState, SM_SETIRQ_WAIT } from './state.ts';

/** AQIC was accepted: the status will show it. */
export const waitForIrq = (bus: Bus, queue: QueueState): void => {
  queue.smState = SM_SETIRQ_WAIT;
  queue.irqSinceNs = Math.max(1, bus.ap.cpu.nowNs());
};

/** A reset behind the driver's back has taken the interruptions away: the queue is polled. Linux waits for them for ever. */
export const irqOverdue = (bus: Bus, { irqSinceNs }: QueueState): boolean =>
  irqSinceNs !== 0 && bus.ap.cpu.nowNs() - irqSinceNs > IRQ_WAIT_NS;
