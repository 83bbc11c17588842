// SPDX-License-Identifier: Apache-2.0
// What a thread that has died still holds: locks, which carry their owner, and a vCPU in interpretive execution.
// Source: docs/reference/performance.md section 5 (recovery).
import type { MachineImage } from '../../native-like/machine/image.ts';
import { C_POOL_LOCK, Q_LOCK, T_IN_SIE } from '../../native-like/machine/layout.ts';
import { releaseMdevs } from '../vfio-ap/mdevs-lock.ts';

/** Takes all of it from the thread with this number. */
export const releaseDead = (image: MachineImage, thread: number): void => {
  const { i32 } = image;
  const owner = thread + 1;
  releaseMdevs(i32, owner);
  Atomics.compareExchange(i32, C_POOL_LOCK, owner, 0);
  for (let n = 1; n < image.queues; n++)
    Atomics.compareExchange(i32, image.queueRecord(n) + Q_LOCK, owner, 0);
  Atomics.store(i32, image.thread(thread) + T_IN_SIE, 0);
};
