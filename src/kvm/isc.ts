// SPDX-License-Identifier: Apache-2.0
// Registration of guest interruption sub-classes with the GISA, over the machine image.
// Source: docs/reference/ap-architecture.md section 6.7 (Linux arch/s390/kvm/interrupt.c: kvm_s390_gisc_register, _unregister).
import { GAL_ISC, GISA_IAM, GISA_NEXT_ALERT } from '../../native-like/arch/sie.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import { G_ALERT_MASK, G_GISA_FORMAT, G_ISC_COUNTS } from '../../native-like/machine/layout.ts';
import { gisaAddress } from './virtual-machine.ts';

/** errno values that are returned in place of the host's sub-class. */
const ENODEV = -19;
const EINVAL = -22;
const ERANGE = -34;

/** Whether the machine has put the guest's GISA on the alert list and the host has not taken it off yet. */
const onAlertList = (image: MachineImage, guest: number): boolean => {
  const { u8 } = image;
  const at = image.gisa(guest) + GISA_NEXT_ALERT;
  const address = gisaAddress(guest);
  for (let byte = 0; byte < 4; byte++)
    if (u8[at + byte] !== ((address >>> (24 - 8 * byte)) & 0xff)) return true;
  return false;
};

/** Adds a reference to a guest ISC. The first one makes the ISC alert. Returns the host's sub-class, ENODEV or ERANGE. */
export const registerIsc = (image: MachineImage, guest: number, isc: number): number => {
  const record = image.guest(guest);
  if (image.word(record + G_GISA_FORMAT) < 0) return ENODEV;
  if (isc > 7) return ERANGE;
  const count = record + G_ISC_COUNTS + isc;
  image.i32[count] = image.word(count) + 1;
  if (image.word(count) === 1) {
    image.i32[record + G_ALERT_MASK] = image.word(record + G_ALERT_MASK) | (0x80 >> isc);
    if (!onAlertList(image, guest)) setAlertMask(image, guest);
  }
  return GAL_ISC;
};

/** Drops a reference to a guest ISC. The last one ends its alerts. Returns 0, ENODEV, ERANGE, or EINVAL if there was none. */
export const unregisterIsc = (image: MachineImage, guest: number, isc: number): number => {
  const record = image.guest(guest);
  if (image.word(record + G_GISA_FORMAT) < 0) return ENODEV;
  if (isc > 7) return ERANGE;
  const count = record + G_ISC_COUNTS + isc;
  if (image.word(count) === 0) return EINVAL;
  image.i32[count] = image.word(count) - 1;
  if (image.word(count) === 0) {
    image.i32[record + G_ALERT_MASK] = image.word(record + G_ALERT_MASK) & ~(0x80 >> isc);
    if (!onAlertList(image, guest)) setAlertMask(image, guest);
  }
  return 0;
};

/** Sets the interruption alert mask of a GISA to the sub-classes that are registered. */
const setAlertMask = (image: MachineImage, guest: number): void => {
  Atomics.store(
    image.u8,
    image.gisa(guest) + GISA_IAM,
    image.word(image.guest(guest) + G_ALERT_MASK),
  );
};
