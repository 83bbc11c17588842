// SPDX-License-Identifier: Apache-2.0
// What virtual mdevs need from the machine image.
// Source: docs/reference/vfio-ap.md section 8.3.
import type { Apqn } from '../../ap-bus/apqn.ts';
import type { VirtualMdev } from './mdev.ts';

/** The virtual queues of guests and the real queues they share; the engine's side implements it. */
export interface VirtualQueues {
  /** Number of virtual queues for which there is still room. */
  readonly left: number;
  /** Gives the mdev's guest exactly the virtual queues of its map; without a guest there are none. */
  update(mdev: VirtualMdev): void;
  /** Discards what is in the virtual queues of the guest and ends their interruptions, as the reset of the vfio device does (V-09). */
  reset(mdev: VirtualMdev): void;
  /** Sets the real queues that engines may use: those that are bound to vfio_ap and behind a virtual mdev. */
  pool(apqns: ReadonlySet<Apqn>): void;
  /** Number of messages of guests that are on a real queue now. */
  underWay(apqn: Apqn): number;
  /** Number of messages of guests that a real queue has taken so far. */
  sent(apqn: Apqn): number;
}

/** For hosts without a machine image: virtual mdevs can be made and mapped, but no guest uses them. */
export const NO_VIRTUAL_QUEUES: VirtualQueues = {
  left: Number.POSITIVE_INFINITY,
  update: () => {},
  reset: () => {},
  pool: () => {},
  underWay: () => 0,
  sent: () => 0,
};
