// SPDX-License-Identifier: Apache-2.0
// What vfio_ap needs from the machine image: queue links for the AQIC handler, and the release of interrupt resources.
// Source: docs/reference/vfio-ap.md sections 1.2, 4.7, 4.8 and 5.4; docs/design.md section 2.

import type { Apqn } from '../ap-bus/apqn.ts';
import type { Operation } from '../ap-bus/operation.ts';

/** NIB pages and guest ISCs of active AQICs; belongs to the AQIC handler. */
export interface QueueInterrupts {
  /** vfio_ap_free_aqic_resources: unpin the NIB, unregister the ISC, forget both. Nothing held: no action. */
  freeResources(apqn: Apqn): void;
  /** vfio_ap_irq_disable: AQIC, wait for the I bit, release. */
  disable(apqn: Apqn): Operation<void>;
  /** Guest address of the queue's NIB page, or undefined if none is pinned. */
  nibPage(apqn: Apqn): number | undefined;
}

/** The link a vCPU's AQIC follows from an APQN to its mdev, in the machine image. */
export interface QueueLinks {
  /** `mdevNumber` > 0. The APQN is assigned to this mdev and bound to vfio_ap. */
  link(apqn: Apqn, mdevNumber: number): void;
  unlink(apqn: Apqn): void;
  /** The host starts to reset the queue, or has seen the end of it: until then no interruptions are set up on it. */
  resetting?(apqn: Apqn, on: boolean): void;
  /** The mdev's KVM came (true) or went. */
  guest?(mdevNumber: number, attached: boolean): void;
}

/** Used where no guest uses interrupts, as in tests of the bus. */
export const NO_INTERRUPTS: QueueInterrupts = {
  freeResources: () => {},
  disable: function* () {},
  nibPage: () => undefined,
};

/** No machine image. */
export const NO_LINKS: QueueLinks = { link: () => {}, unlink: () => {} };
