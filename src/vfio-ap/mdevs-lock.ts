// SPDX-License-Identifier: Apache-2.0
// The mdevs lock, which the vCPUs' threads and the host take in turn, as Linux does with matrix_dev->mdevs_lock.
// Source: docs/reference/vfio-ap.md section 5.2, docs/reference/performance.md section 5 (recovery: locks carry their owner).
import type { MachineImage } from '../../native-like/machine/image.ts';
import { C_MDEVS_LOCK } from '../../native-like/machine/layout.ts';

/**
 * Bit of the lock word: somebody may be waiting, so that whoever releases the lock has to wake them. A wake-up for nobody would cost more
 * than the lock itself.
 */
const CONTENDED = 0x40000000;
/** Milliseconds after which a waiter looks again, even if nobody has woken it. */
const LOCK_WAIT_MS = 1;

/**
 * Takes the lock for `owner`, the number of a thread plus 1. Throws if that thread has the lock already, since it would wait for itself
 * for ever.
 */
export const lockMdevs = (image: Pick<MachineImage, 'i32' | 'stuck'>, owner: number): void => {
  const { i32 } = image;
  while (Atomics.compareExchange(i32, C_MDEVS_LOCK, 0, owner) !== 0) {
    const held = Atomics.load(i32, C_MDEVS_LOCK);
    if ((held & ~CONTENDED) === owner)
      throw new Error('the mdevs lock is taken twice by its owner');
    const contended = held | CONTENDED;
    if (held === 0 || Atomics.compareExchange(i32, C_MDEVS_LOCK, held, contended) !== held)
      continue;
    if (Atomics.wait(i32, C_MDEVS_LOCK, contended, LOCK_WAIT_MS) === 'timed-out') image.stuck?.();
  }
};

/** Releases the lock and wakes those who wait for it. */
export const unlockMdevs = (i32: Int32Array): void => {
  if ((Atomics.exchange(i32, C_MDEVS_LOCK, 0) & CONTENDED) !== 0) Atomics.notify(i32, C_MDEVS_LOCK);
};

/** Releases the lock if `owner`, a thread that has died, has it. */
export const releaseMdevs = (i32: Int32Array, owner: number): void => {
  if ((Atomics.load(i32, C_MDEVS_LOCK) & ~CONTENDED) === owner) unlockMdevs(i32);
};
