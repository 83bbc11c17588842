// SPDX-License-Identifier: Apache-2.0
// What virtual mdevs need from the machine image.
// Source: docs/reference/vfio-ap.md section 8.3.
import type { Apqn } from '../../ap-bus/apqn.ts';
import type { VirtualMdev } from './mdev.ts';

/** Virtual queues of guests, and the real queues they share; belongs to the engine. */
export interface VirtualQueues {
  /** Virtual queues there is still room for. */
  readonly left: number;
  /** The mdev's guest has exactly the virtual queues of its map from now on; without a guest there are none. */
  update(mdev: VirtualMdev): void;
  /** Discards what the guest has in its virtual queues and ends their interruptions: the reset of the vfio device (V-09). */
  reset(mdev: VirtualMdev): void;
  /** The real queues engines may use: bound to vfio_ap, and behind a virtual mdev. */
  pool(apqns: ReadonlySet<Apqn>): void;
  /** Messages of guests that are on a real queue now. */
  underWay(apqn: Apqn): number;
  /** Messages of guests that a real queue has taken so far. */
  sent(apqn: Apqn): number;
}

/** No machine image: virtual mdevs can be made and mapped, no guest uses them. */
export const NO_VIRTUAL_QUEUES: VirtualQueues = {
  left: Number.POSITIVE_INFINITY,
  update: () => {},
  reset: () => {},
  pool: () => {},
  underWay: () => 0,
  sent: () => 0,
};
