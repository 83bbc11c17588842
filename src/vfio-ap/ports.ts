// SPDX-License-Identifier: Apache-2.0
// What vfio_ap needs from the machine image: queue links for the AQIC handler, and the release of interrupt resources.
// Source: docs/reference/vfio-ap.md sections 1.2, 4.7, 4.8 and 5.4; docs/design.md section 2.

import type { Apqn } from '../ap-bus/apqn.ts';
import type { Operation } from '../ap-bus/operation.ts';

/** Pinned NIB pages and registered guest ISCs of AQICs; the AQIC handler implements it. */
export interface QueueInterrupts {
  /** vfio_ap_free_aqic_resources: unpins the NIB, unregisters the ISC and forgets both. Does nothing if nothing is held. */
  freeResources(apqn: Apqn): void;
  /** vfio_ap_irq_disable: executes AQIC, waits until the I bit is off, and frees what was held. */
  disable(apqn: Apqn): Operation<void>;
  /** Guest address of the queue's NIB page, or undefined if none is pinned. */
  nibPage(apqn: Apqn): number | undefined;
}

/** The link a vCPU's AQIC follows from an APQN to its mdev, in the machine image. */
export interface QueueLinks {
  /** Links an APQN, which is assigned to this mdev and bound to vfio_ap. `mdevNumber` is at least 1. */
  link(apqn: Apqn, mdevNumber: number): void;
  unlink(apqn: Apqn): void;
  /** The host starts to reset the queue (true), or has seen the end of the reset: in between no interruptions are set up on it. */
  resetting?(apqn: Apqn, on: boolean): void;
  /** The mdev's KVM was attached (true) or detached. */
  guest?(mdevNumber: number, attached: boolean): void;
}

/** For machines whose guests use no interrupts, as in tests of the bus. */
export const NO_INTERRUPTS: QueueInterrupts = {
  freeResources: () => {},
  disable: function* () {},
  nibPage: () => undefined,
};

/** For hosts without a machine image. */
export const NO_LINKS: QueueLinks = { link: () => {}, unlink: () => {} };
