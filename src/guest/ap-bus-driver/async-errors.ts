// SPDX-License-Identifier: Apache-2.0
// Asynchronous errors of a queue, on kernels that know how to see them: only a reset ends one.
// Source: docs/reference/ap-architecture.md section 2.2 (status bit A).
import { asyncError } from '../status.ts';
import type { Bus } from './bus.ts';
import type { QueueState } from './state.ts';

/**
 * An instruction has met an asynchronous error: the next scan resets the queue, even if by then somebody else has ended the error with what
 * was on the queue. Linux forgets it, and what waits hangs.
 */
export const asyncSeen = (bus: Bus, queue: QueueState, status: number): boolean => {
  if (!bus.kernel.asyncBit || !asyncError(status)) return false;
  queue.asyncSeen = true;
  return true;
};

/** The queue has an asynchronous error, or had one since its last reset. */
export const asyncFailed = (bus: Bus, queue: QueueState, status: number): boolean =>
  bus.kernel.asyncBit && (queue.asyncSeen || asyncError(status));
