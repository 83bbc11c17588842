// SPDX-License-Identifier: Apache-2.0
// What follows from a guest's facilities and CRYCB: guard words of its vCPUs and the effective masks. The one place where the
// masks that the fast path reads are derived from the masks a guest has.
// Source: docs/reference/ap-architecture.md sections 6.2 and 6.3, decision AD-38; docs/reference/performance.md section 3.
// Status: architected; guard words are a choice.
import { FACILITY_AP, FACILITY_APFT, FACILITY_APXA, FACILITY_SE } from '../arch/facilities.ts';
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
} from '../arch/sie.ts';
import type { MachineImage } from './image.ts';
import {
  ADM_WORDS,
  C_CC2_BYTES,
  C_EMPTY_MASKS,
  G_CRYCBD,
  G_FACILITIES,
  G_FAULTS,
  G_VCPUS,
  MASK_AQM,
  MASK_WORDS,
  V_FACILITIES,
  V_MASKS,
} from './layout.ts';

/**
 * Facilities a guest must have for the fast paths. With fewer, some usual bits of GR0 would not be legal, which the fast paths do not
 * test.
 */
const PLAIN = FACILITY_AP | FACILITY_APXA | FACILITY_APFT;

/** Sets a guest's facilities and what its vCPUs derive from them. The vCPUs must be out of interpretive execution. */
export const setFacilities = (image: MachineImage, guest: number, facilities: number): void => {
  const { i32 } = image;
  const record = image.guest(guest);
  i32[record + G_FACILITIES] = facilities;
  for (let n = 0; n < image.word(record + G_VCPUS); n++)
    i32[image.vcpu(guest, n) + V_FACILITIES] = facilities;
  selectMasks(image, guest);
};

/**
 * Chooses the masks that the fast paths of a guest's vCPUs test. Every instruction has to take the slow path when the guest has no AP
 * instructions, no APXA or no T bit of TAPQ, runs in secure execution (binding states), gets condition code 2 at boundaries, or is named
 * by faults. The empty record of masks makes them do so.
 */
export const selectMasks = (image: MachineImage, guest: number): void => {
  const record = image.guest(guest);
  const plain = (image.word(record + G_FACILITIES) & (PLAIN | FACILITY_SE)) === PLAIN;
  const slow = !plain || image.word(record + G_FAULTS) !== 0 || image.word(C_CC2_BYTES) !== 0;
  const masks = slow ? image.word(C_EMPTY_MASKS) : image.masks(guest);
  for (let n = 0; n < image.word(record + G_VCPUS); n++)
    image.i32[image.vcpu(guest, n) + V_MASKS] = masks;
};

/**
 * Reads `bytes` bytes of an architected mask at image offset `offset` into words. The rest of a mask of at least 32 bits is filled with
 * zeros.
 */
const readMask = (image: MachineImage, offset: number, bytes: number, target: number): void => {
  for (let word = 0; word < ADM_WORDS; word++) {
    let value = 0;
    for (let byte = 0; byte < 4; byte++) {
      const index = word * 4 + byte;
      value = (value << 8) | (index < bytes ? image.u8[offset + index] : 0);
    }
    image.i32[target + word] = value;
  }
};

/**
 * Derives the effective masks of a guest: those of the APCB that its CRYCB format selects, restricted to what the host partition (guest
 * 0) has. A guest without CRYCB has empty ones. The vCPUs must be out of interpretive execution.
 */
export const deriveEffectiveMasks = (image: MachineImage, guest: number): void => {
  const masks = image.masks(guest);
  const adm = image.adm(guest);
  const { i32 } = image;
  const crycbd = image.word(image.guest(guest) + G_CRYCBD);
  if (crycbd === 0) {
    i32.fill(0, masks, masks + MASK_WORDS);
    i32.fill(0, adm, adm + ADM_WORDS);
    return;
  }
  const crycb = image.crycb(guest);
  // Without APXA, the machine reads APCB0 of a format-2 CRYCB (AD-38).
  const apxa = (image.word(image.guest(0) + G_FACILITIES) & FACILITY_APXA) !== 0;
  if ((crycbd & CRYCBD_FORMAT) === CRYCB_FORMAT_2 && apxa) {
    readMask(image, crycb + CRYCB_APCB1 + APCB1_APM, 32, masks);
    readMask(image, crycb + CRYCB_APCB1 + APCB1_AQM, 32, masks + MASK_AQM);
    readMask(image, crycb + CRYCB_APCB1 + APCB1_ADM, 32, adm);
  } else {
    readMask(image, crycb + CRYCB_APCB0 + APCB0_APM, 8, masks);
    readMask(image, crycb + CRYCB_APCB0 + APCB0_AQM, 2, masks + MASK_AQM);
    readMask(image, crycb + CRYCB_APCB0 + APCB0_ADM, 2, adm);
  }
  const host = image.masks(0);
  const hostAdm = image.adm(0);
  for (let word = 0; word < MASK_WORDS; word++)
    i32[masks + word] = image.word(masks + word) & image.word(host + word);
  for (let word = 0; word < ADM_WORDS; word++)
    i32[adm + word] = image.word(adm + word) & image.word(hostAdm + word);
};
