// SPDX-License-Identifier: Apache-2.0
// What a thread that has died may still hold: locks (adapters' ones too) and queues it waited for, both of which tell their owner, and a
// vCPU in interpretive execution.
// Source: docs/reference/performance.md section 5 (recovery).
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  A_LOCK,
  ADAPTERS,
  C_POOL_LOCK,
  K_HOST_RESET,
  Q_LOCK,
  T_IN_SIE,
} from '../../native-like/machine/layout.ts';
import { releaseMdevs } from '../vfio-ap/mdevs-lock.ts';
import { HOST_RESET_OWNER_SHIFT, HOST_RESET_RUNNING } from '../vfio-ap/queue-steps.ts';

/** Releases all that the thread with this number holds. */
export const releaseDead = (image: MachineImage, thread: number): void => {
  const { i32 } = image;
  const owner = thread + 1;
  releaseMdevs(i32, owner);
  Atomics.compareExchange(i32, C_POOL_LOCK, owner, 0);
  for (let apid = 0; apid < ADAPTERS; apid++)
    Atomics.compareExchange(i32, image.adapter(apid) + A_LOCK, owner, 0);
  for (let n = 1; n < image.queues; n++) {
    const q = image.queueRecord(n);
    Atomics.compareExchange(i32, q + Q_LOCK, owner, 0);
    const reset = image.cold(q) + K_HOST_RESET;
    if (Atomics.load(i32, reset) >>> HOST_RESET_OWNER_SHIFT === owner)
      Atomics.and(i32, reset, HOST_RESET_RUNNING);
  }
  Atomics.store(i32, image.thread(thread) + T_IN_SIE, 0);
};
