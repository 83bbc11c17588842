// SPDX-License-Identifier: Apache-2.0
// Asynchronous errors of a queue, for kernels that know of them. Only a reset ends such an error.
// Source: docs/reference/ap-architecture.md section 2.2 (status bit A).
import { asyncError } from '../status.ts';
import type { Bus } from './bus.ts';
import type { QueueState } from './state.ts';

/**
 * Notes an asynchronous error that an instruction has met, so that the next scan resets the queue, even if somebody else has ended the
 * error and discarded its messages by then. Linux forgets the error, so that these messages hang.
 */
export const asyncSeen = (bus: Bus, queue: QueueState, status: number): boolean => {
  if (!bus.kernel.asyncBit || !asyncError(status)) return false;
  queue.asyncSeen = true;
  return true;
};

/** Whether the queue has an asynchronous error, or had one since its last reset. */
export const asyncFailed = (bus: Bus, queue: QueueState, status: number): boolean =>
  bus.kernel.asyncBit && (queue.asyncSeen || asyncError(status));
