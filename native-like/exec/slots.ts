// SPDX-License-Identifier: Apache-2.0
// Message slots: a queue takes all its slots from the machine's pool at its first NQAP.
// Source: docs/design.md section 2, docs/reference/performance.md section 3 (odd number of lines). Status: choice.
import {
  C_POOL_EMPTY_COUNT,
  C_POOL_END_BYTE,
  C_POOL_LOCK,
  C_POOL_NEXT_BYTE,
  L_LENGTH,
  Q_ALL_FREE,
  Q_FREE,
  Q_LIMIT,
  Q_SLOTS_BYTE,
  Q_STRIDE_BYTE,
  SLOT_HEADER_BYTES,
} from '../machine/layout.ts';
import { takeLock } from './locks.ts';
import { I32, U8 } from './views.ts';

const LINE_BYTES = 64;

/**
 * Bytes from one slot to the next: header and limit, rounded up to an odd number of cache lines, so that slots spread over all cache
 * sets.
 */
const strideOf = (limit: number): number => {
  const lines = (SLOT_HEADER_BYTES + limit + LINE_BYTES - 1) >>> 6;
  return (lines | 1) << 6;
};

/** Number of slots in an all-free mask: ones from the left. */
const depthOf = (allFree: number): number => Math.clz32(~allFree);

/** Gives the queue its slots. Returns false when the pool has not enough left, and counts that. */
export const takeSlots = (q: number): boolean => {
  const stride = strideOf(I32[q + Q_LIMIT]);
  const bytes = stride * depthOf(I32[q + Q_ALL_FREE]);
  takeLock(C_POOL_LOCK);
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

/** Copies the message in `slot` into a free slot. Returns the number of that slot, or -1 when none is free. */
export const copySlot = (q: number, slot: number): number => {
  const free = I32[q + Q_FREE];
  if (free === 0) return -1;
  const twin = Math.clz32(free);
  const stride = I32[q + Q_STRIDE_BYTE];
  const from = (I32[q + Q_SLOTS_BYTE] + Math.imul(slot, stride)) | 0;
  const to = (I32[q + Q_SLOTS_BYTE] + Math.imul(twin, stride)) | 0;
  U8.copyWithin(to, from, from + SLOT_HEADER_BYTES + I32[(from >>> 2) + L_LENGTH]);
  I32[q + Q_FREE] = free & ~(0x80000000 >>> twin);
  return twin;
};
