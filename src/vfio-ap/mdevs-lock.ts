// SPDX-License-Identifier: Apache-2.0
// The mdevs lock: the vCPUs' threads and the host serialise on it, as Linux does on matrix_dev->mdevs_lock.
// Source: docs/reference/vfio-ap.md section 5.2, docs/reference/performance.md section 5 (recovery: locks carry their owner).
import { C_MDEVS_LOCK } from '../../native-like/machine/layout.ts';

/** Somebody may be waiting: who gives the lock back wakes them. A wake-up nobody waits for would cost more than the lock. */
const CONTENDED = 0x40000000;
/** A waiter looks again so often, whatever it was told. */
const LOCK_WAIT_MS = 1;

/** Takes the lock for `owner`, the number of a thread plus 1. Throws where the owner has it: it would wait for itself for ever. */
export const lockMdevs = (i32: Int32Array, owner: number): void => {
  while (Atomics.compareExchange(i32, C_MDEVS_LOCK, 0, owner) !== 0) {
    const held = Atomics.load(i32, C_MDEVS_LOCK);
    if ((held & ~CONTENDED) === owner)
      throw new Error('the mdevs lock is taken twice by its owner');
    const contended = held | CONTENDED;
    if (held !== 0 && Atomics.compareExchange(i32, C_MDEVS_LOCK, held, contended) === held)
      Atomics.wait(i32, C_MDEVS_LOCK, contended, LOCK_WAIT_MS);
  }
};

/** Releases the lock, and wakes whoever waits for it. */
export const unlockMdevs = (i32: Int32Array): void => {
  if ((Atomics.exchange(i32, C_MDEVS_LOCK, 0) & CONTENDED) !== 0) Atomics.notify(i32, C_MDEVS_LOCK);
};

/** Takes the lock from a thread that has died. */
export const releaseMdevs = (i32: Int32Array, owner: number): void => {
  if ((Atomics.load(i32, C_MDEVS_LOCK) & ~CONTENDED) === owner) unlockMdevs(i32);
};
