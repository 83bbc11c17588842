// SPDX-License-Identifier: Apache-2.0
// Message slots: a queue takes all its slots from the machine's pool at its first NQAP.
// Source: docs/design.md section 2, docs/reference/performance.md section 3 (odd number of lines). Status: choice.
import {
  C_POOL_EMPTY_COUNT,
  C_POOL_END_BYTE,
  C_POOL_LOCK,
  C_POOL_NEXT_BYTE,
  Q_ALL_FREE,
  Q_LIMIT,
  Q_SLOTS_BYTE,
  Q_STRIDE_BYTE,
  SLOT_HEADER_BYTES,
} from '../machine/layout.ts';
import { I32, LOCK_OWNER } from './views.ts';

const LINE_BYTES = 64;

/** Bytes from one slot to the next: header and limit, rounded up to an odd number of lines against cache-set conflicts. */
const strideOf = (limit: number): number => {
  const lines = (SLOT_HEADER_BYTES + limit + LINE_BYTES - 1) >>> 6;
  return (lines | 1) << 6;
};

/** Number of slots in an all-free mask: ones from the left. */
const depthOf = (allFree: number): number => Math.clz32(~allFree);

/** Gives the queue its slots. Returns false, and counts it, when the pool has not enough left. */
export const takeSlots = (q: number): boolean => {
  const stride = strideOf(I32[q + Q_LIMIT]);
  const bytes = stride * depthOf(I32[q + Q_ALL_FREE]);
  while (Atomics.compareExchange(I32, C_POOL_LOCK, 0, LOCK_OWNER) !== 0);
  const start = I32[C_POOL_NEXT_BYTE];
  const fits = start <= I32[C_POOL_END_BYTE] - bytes;
  if (fits) I32[C_POOL_NEXT_BYTE] = start + bytes;
  else I32[C_POOL_EMPTY_COUNT] = I32[C_POOL_EMPTY_COUNT] + 1;
  Atomics.store(I32, C_POOL_LOCK, 0);
  if (!fits) return false;
  I32[q + Q_STRIDE_BYTE] = stride;
  I32[q + Q_SLOTS_BYTE] = start;
  return true;
};
