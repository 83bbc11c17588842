// SPDX-License-Identifier: Apache-2.0
// Which queues a guest may reach, read bit by bit from its architected CRYCB and the host's masks: on purpose another way
// than the effective masks are made.
// Source: docs/reference/ap-architecture.md sections 6.2 and 6.3, decision AD-38.
import { FACILITY_APXA } from '../../native-like/arch/facilities.ts';
import {
  APCB0_ADM,
  APCB0_APM,
  APCB0_AQM,
  APCB1_ADM,
  APCB1_APM,
  APCB1_AQM,
  CRYCB_APCB0,
  CRYCB_APCB1,
  CRYCB_FORMAT_2,
  CRYCBD_FORMAT,
} from '../../native-like/arch/sie.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import { G_CRYCBD, G_FACILITIES, MASK_AQM } from '../../native-like/machine/layout.ts';

export type MaskName = 'apm' | 'aqm' | 'adm';

/** Place and bits of each mask in the two kinds of APCB. */
const APCB = {
  apm: { narrow: [APCB0_APM, 64], wide: [APCB1_APM, 256] },
  aqm: { narrow: [APCB0_AQM, 16], wide: [APCB1_AQM, 256] },
  adm: { narrow: [APCB0_ADM, 16], wide: [APCB1_ADM, 256] },
} as const;

/** Word index of a guest's effective mask in the image. */
export const maskWords = (image: MachineImage, guest: number, mask: MaskName): number =>
  mask === 'adm' ? image.adm(guest) : image.masks(guest) + (mask === 'aqm' ? MASK_AQM : 0);

/** Bit `id` of a mask that begins at word `words`. */
export const wordBit = (image: MachineImage, words: number, id: number): boolean =>
  ((image.word(words + (id >>> 5)) << (id & 31)) | 0) < 0;

/** Bit `id` of a mask as the guest's CRYCB has it. */
const crycbBit = (image: MachineImage, guest: number, mask: MaskName, id: number): boolean => {
  const crycbd = image.word(image.guest(guest) + G_CRYCBD);
  if (crycbd === 0) return false;
  const apxa = (image.word(image.guest(0) + G_FACILITIES) & FACILITY_APXA) !== 0;
  const wide = apxa && (crycbd & CRYCBD_FORMAT) === CRYCB_FORMAT_2;
  const [offset, bits] = APCB[mask][wide ? 'wide' : 'narrow'];
  if (id >= bits) return false;
  const byte = image.crycb(guest) + (wide ? CRYCB_APCB1 : CRYCB_APCB0) + offset + (id >>> 3);
  return (image.u8[byte] & (0x80 >> (id & 7))) !== 0;
};

/** Whether the architecture gives the guest this adapter, usage domain or control domain. */
export const mayReach = (image: MachineImage, guest: number, mask: MaskName, id: number): boolean =>
  wordBit(image, maskWords(image, 0, mask), id) &&
  (guest === 0 || crycbBit(image, guest, mask, id));

/** Whether the architecture gives the guest this queue. */
export const mayReachQueue = (image: MachineImage, guest: number, apqn: number): boolean =>
  mayReach(image, guest, 'apm', apqn >>> 8) && mayReach(image, guest, 'aqm', apqn & 0xff);
