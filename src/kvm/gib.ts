// SPDX-License-Identifier: Apache-2.0
// The host's side of GISA alerts: takes the alert list off the GIB, kicks vCPUs that sleep, and arms the alerts again.
// Source: docs/reference/ap-architecture.md sections 6.7 and 6.8 (Linux arch/s390/kvm/interrupt.c: process_gib_alert_list,
// gisa_vcpu_kicker, gisa_get_ipm_or_restore_iam, __airqs_kick_single_vcpu).

import { PSW_IO } from '../../native-like/arch/psw.ts';
import {
  GAL_ISC,
  GIB_ORIGIN_EMPTY,
  GIB_ORIGIN_NONE,
  GISA_IAM,
  GISA_IPM,
  GISA_NEXT_ALERT,
} from '../../native-like/arch/sie.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  C_GIB,
  G_ALERT_MASK,
  G_VCPUS,
  GIB_HOST_PENDING,
  GISA_ADDRESS_BASE,
  GISA_ADDRESS_STRIDE,
  T_DOORBELL,
  T_IN_SIE,
  V_CR6,
  V_EVENT,
  V_PSW_MASK_HIGH,
} from '../../native-like/machine/layout.ts';
import { type PutBack, rememberSet } from '../lpar/remember.ts';

/** Mask of the bits of a list entry that are an address. There is one GISA on each page, so the page tells the GISA. */
const ORIGIN_MASK = 0xfffff000 | 0;
/** Bit of the alert interruption among the host's own pending interruptions. */
const ALERT_BIT = 0x80 >> GAL_ISC;

const guestOf = (address: number): number => (address - GISA_ADDRESS_BASE) / GISA_ADDRESS_STRIDE;

/** Whether the machine has interrupted the host because a GISA was put on the empty alert list. */
export const alertPending = (image: MachineImage): boolean =>
  (image.i32[C_GIB + GIB_HOST_PENDING] & ALERT_BIT) !== 0;

/**
 * process_gib_alert_list: takes the whole list and calls `found` for each guest on it, until nothing new has come. While it works, the
 * list's origin says NONE, so that new entries do not interrupt the host; at the end they do again. Returns how many GISAs it took off.
 */
export const processAlerts = (image: MachineImage, found: (guest: number) => void): number => {
  const { i32 } = image;
  const { view } = image;
  Atomics.and(i32, C_GIB + GIB_HOST_PENDING, ~ALERT_BIT);
  let count = 0;
  let origin = 0;
  let final = false;
  do {
    final = (origin & GIB_ORIGIN_NONE) !== 0;
    origin = Atomics.exchange(i32, C_GIB, final ? GIB_ORIGIN_EMPTY : GIB_ORIGIN_NONE);
    while ((origin & ORIGIN_MASK) !== 0) {
      const address = origin;
      const guest = guestOf(address);
      const next = image.gisa(guest) + GISA_NEXT_ALERT;
      origin = view.getInt32(next);
      view.setInt32(next, address);
      count++;
      found(guest);
    }
  } while (!final);
  return count;
};

/**
 * gisa_get_ipm_or_restore_iam: the pending sub-classes that alert. If there are none, sets the alert mask again in the same step and
 * returns 0.
 */
export const pendingOrRestore = (image: MachineImage, guest: number): number => {
  const { i32 } = image;
  const gisa = image.gisa(guest);
  const at = (gisa + GISA_IPM) >>> 2;
  // IPM is the first byte of a word and IAM its last; words are little-endian on this computer.
  const iamShift = 8 * (GISA_IAM - GISA_IPM);
  for (;;) {
    const word = Atomics.load(i32, at);
    const mask = i32[image.guest(guest) + G_ALERT_MASK];
    const pending = word & mask & 0xff;
    if (pending !== 0) return pending;
    const armed = (word & ~(0xff << iamShift)) | (mask << iamShift);
    if (Atomics.compareExchange(i32, at, word, armed) === word) return 0;
  }
};

/**
 * __airqs_kick_single_vcpu: tells the first idle vCPU that can take one of the sub-classes to look. As in Linux, the sub-classes are
 * narrowed down on the way. Returns the vCPU's number, or -1.
 */
export const kickOne = (image: MachineImage, guest: number, pending: number): number => {
  const { i32 } = image;
  let deliverable = pending;
  for (let n = 0; n < image.word(image.guest(guest) + G_VCPUS); n++) {
    const vcpu = image.vcpu(guest, n);
    const runner = image.word(image.runner(vcpu));
    if (runner !== 0 && Atomics.load(i32, image.thread(runner - 1) + T_IN_SIE) === vcpu) continue;
    if ((image.word(vcpu + V_PSW_MASK_HIGH) & PSW_IO) === 0) continue;
    deliverable &= image.word(vcpu + V_CR6) >>> 24;
    if (deliverable === 0) continue;
    Atomics.store(i32, vcpu + V_EVENT, 1);
    ring(image, runner);
    return n;
  }
  return -1;
};

const ring = (image: MachineImage, runner: number): void => {
  if (runner === 0) return;
  const doorbell = image.thread(runner - 1) + T_DOORBELL;
  Atomics.store(image.i32, doorbell, 1);
  Atomics.notify(image.i32, doorbell);
};

/**
 * The host's handler of the alert interruption, and its kickers. Linux kicks again every 50 us while something is pending, and then arms
 * the alerts. Here that happens at each `poll`, which the machine calls whenever something may have changed. Nothing has to wait for a
 * kick, because the machine itself tells vCPUs what became pending.
 */
export class GisaAlerts {
  readonly #image: MachineImage;
  /** Guests whose alerts are off until nothing is pending for them any more. */
  readonly #active = new Set<number>();

  constructor(image: MachineImage) {
    this.#image = image;
  }

  /** Guests whose vCPUs are kicked until nothing is pending for them any more. */
  get active(): readonly number[] {
    return [...this.#active];
  }

  remember(): PutBack {
    return rememberSet(this.#active);
  }

  /** Derives from the image of a restored machine for which guests alerts are off. */
  resume(): void {
    this.#active.clear();
    for (let guest = 1; guest < this.#image.guests; guest++) {
      const armed = this.#image.u8[this.#image.gisa(guest) + GISA_IAM];
      if (armed !== this.#image.word(this.#image.guest(guest) + G_ALERT_MASK))
        this.#active.add(guest);
    }
  }

  poll(): void {
    const listed = alertPending(this.#image);
    if (!listed && this.#active.size === 0) return;
    if (listed) processAlerts(this.#image, (guest) => this.#active.add(guest));
    for (const guest of this.#active) {
      const pending = pendingOrRestore(this.#image, guest);
      if (pending === 0) this.#active.delete(guest);
      else if (listed) kickOne(this.#image, guest, pending);
    }
  }
}
