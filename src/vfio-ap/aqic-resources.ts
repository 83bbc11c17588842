// SPDX-License-Identifier: Apache-2.0
// What vfio_ap holds for an AQIC of a queue: the pinned page of the notification byte, and the registration of the guest's sub-class.
// Source: docs/reference/vfio-ap.md sections 5.3 and 5.4, docs/reference/ap-architecture.md section 6.9.
import { PAGE_BYTES, PAGE_MASK } from '../../native-like/arch/limits.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  G_EXTERNAL,
  G_PIN_LIMIT,
  G_PINS,
  G_STORAGE_SIZE,
  K_SAVED_ISC,
  K_SAVED_NIB,
} from '../../native-like/machine/layout.ts';
import { unregisterIsc } from '../kvm/isc.ts';

/** K_SAVED_ISC has the sub-class plus 1, so that a record of zeros holds none. */
const NO_ISC = 0;
const SAVED_ISC_MASK = 0xff;
/** Position in K_SAVED_ISC of the number of the guest that registered the sub-class and pinned the page. */
export const SAVED_GUEST_SHIFT = 8;

/** An AQIC for which vfio_ap holds something. */
export interface SavedAqic {
  /** Number of the guest that executed it. */
  readonly guest: number;
  /** Interruption sub-class of the guest. */
  readonly isc: number;
  /** Guest absolute address of the notification byte. */
  readonly nib: number;
}

/** What is held for the AQIC of the queue with this cold record; undefined if nothing is. */
export const savedAqic = (image: MachineImage, cold: number): SavedAqic | undefined => {
  const saved = image.word(cold + K_SAVED_ISC);
  if (saved === NO_ISC) return undefined;
  const isc = (saved & SAVED_ISC_MASK) - 1;
  return { guest: saved >>> SAVED_GUEST_SHIFT, isc, nib: image.word(cold + K_SAVED_NIB) >>> 0 };
};

export class AqicResources {
  readonly #image: MachineImage;

  constructor(image: MachineImage) {
    this.#image = image;
  }

  /** vfio_ap_free_aqic_resources: unregisters the ISC, unpins the NIB and forgets both. The caller holds the mdevs lock. */
  free(q: number): void {
    const { i32 } = this.#image;
    const cold = this.#image.cold(q);
    const saved = savedAqic(this.#image, cold);
    if (saved === undefined) return;
    // K_NOTIFY_GUEST will not do: the host's own AQIC may have replaced it since.
    unregisterIsc(this.#image, saved.guest, saved.isc);
    this.unpin(saved.guest);
    i32[cold + K_SAVED_ISC] = NO_ISC;
    i32[cold + K_SAVED_NIB] = 0;
  }

  /** Guest address of the page a queue's notification byte is in, or undefined. */
  nibPage(q: number): number | undefined {
    const cold = this.#image.cold(q);
    if (this.#image.word(cold + K_SAVED_ISC) === NO_ISC) return undefined;
    return this.#image.word(cold + K_SAVED_NIB) & PAGE_MASK;
  }

  /** Notes what is held for a queue. What was held for it before is freed. */
  remember(q: number, guest: number, nib: number, isc: number): void {
    this.free(q);
    const cold = this.#image.cold(q);
    this.#image.i32[cold + K_SAVED_NIB] = nib;
    this.#image.i32[cold + K_SAVED_ISC] = (guest << SAVED_GUEST_SHIFT) | (isc + 1);
  }

  /** vfio_pin_pages of the page of the notification byte; false if it fails. A secure-execution guest's page counts as shared (VD-44). */
  pin(record: number, high: number, nib: number): boolean {
    const pages = this.#image.word(record + G_EXTERNAL);
    const size = pages === 0 ? this.#image.word(record + G_STORAGE_SIZE) : pages * PAGE_BYTES;
    if (high !== 0 || nib === 0 || nib >>> 0 >= size) return false;
    const pins = this.#image.word(record + G_PINS);
    const limit = this.#image.word(record + G_PIN_LIMIT);
    if (limit !== 0 && pins >= limit - 1) return false;
    this.#image.i32[record + G_PINS] = pins + 1;
    return true;
  }

  unpin(guest: number): void {
    const record = this.#image.guest(guest);
    this.#image.i32[record + G_PINS] = this.#image.word(record + G_PINS) - 1;
  }
}
