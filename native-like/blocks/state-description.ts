// SPDX-License-Identifier: Apache-2.0
// The state description (SIE block) of a vCPU: the fields the AP facility uses, as 512 architected bytes and from the machine
// image, which keeps the same facts as native words.
// Source: docs/reference/ap-architecture.md section 6.1 (Linux asm/kvm_host.h, struct kvm_s390_sie_block).
// Status: architected as Linux uses it.
import { FACILITY_AIV, FACILITY_AP } from '../arch/facilities.ts';
import {
  ECA_AIV,
  ECA_APIE,
  ICPT_INST,
  SD_BYTES,
  SD_CRYCBD,
  SD_ECA,
  SD_ECB3,
  SD_ECD,
  SD_GCR,
  SD_GD,
  SD_ICPTCODE,
  SD_IPA,
  SD_IPB,
  SD_LCTL,
  SD_PSW,
} from '../arch/sie.ts';
import { deriveEffectiveMasks, setFacilities } from '../machine/guest-setup.ts';
import type { MachineImage } from '../machine/image.ts';
import {
  G_CRYCBD,
  G_FACILITIES,
  G_GISA_FORMAT,
  GISA_ADDRESS_BASE,
  GISA_ADDRESS_STRIDE,
  V_CR6,
  V_EXIT,
  V_INSTRUCTION,
  V_PSW_ADDRESS_HIGH,
  V_PSW_ADDRESS_LOW,
  V_PSW_MASK_HIGH,
  V_PSW_MASK_LOW,
} from '../machine/layout.ts';
import { EXECUTE_INTERCEPT } from '../machine/outcome.ts';
import { assertBytes, assertLayout, type BlockField, viewOf } from './block.ts';

/** Control register 6 of the guest: interruption sub-class mask in its low half. */
const SD_GCR6 = SD_GCR + 6 * 8;

/** Only the fields that section 6.1 names. The bytes between them belong to other facilities. */
export const STATE_DESCRIPTION_LAYOUT: readonly BlockField[] = [
  { name: 'lctl', offset: SD_LCTL, bytes: 2, meaning: 'LCTL interception; CR6 0200' },
  { name: 'ECA', offset: SD_ECA, bytes: 4, meaning: 'bit 10 AIV, bit 28 APIE' },
  { name: 'icptcode', offset: SD_ICPTCODE, bytes: 1, meaning: 'interception code' },
  { name: 'IPA', offset: SD_IPA, bytes: 2, meaning: 'first halfword of the instruction' },
  { name: 'IPB', offset: SD_IPB, bytes: 4, meaning: 'rest of the instruction, zeros' },
  { name: 'ECB3', offset: SD_ECB3, bytes: 1, meaning: 'AISI 20, DEA 08, AES 04' },
  { name: 'gd', offset: SD_GD, bytes: 4, meaning: 'GISA designation: address, format in bit 31' },
  { name: 'PSW', offset: SD_PSW, bytes: 16, meaning: 'guest PSW' },
  { name: 'CRYCBD', offset: SD_CRYCBD, bytes: 4, meaning: 'CRYCB designation' },
  { name: 'CR6', offset: SD_GCR6, bytes: 8, meaning: 'guest control register 6' },
  { name: 'ECD', offset: SD_ECD, bytes: 4, meaning: 'ECC 00200000' },
];
assertLayout('state description', SD_BYTES, STATE_DESCRIPTION_LAYOUT, false);

/** 32-bit fields are signed numbers; 64-bit ones two halves, high first. */
export interface StateDescription {
  readonly lctl: number;
  readonly eca: number;
  readonly icptcode: number;
  readonly ipa: number;
  readonly ipb: number;
  readonly ecb3: number;
  readonly gd: number;
  /** Mask and instruction address, four words. */
  readonly psw: readonly [number, number, number, number];
  readonly crycbd: number;
  /** Bits 32-63 of control register 6. */
  readonly cr6: number;
  readonly ecd: number;
}

/** The 512 architected bytes; fields not named here are zero. */
export const produceStateDescription = (sd: StateDescription): Uint8Array => {
  const bytes = new Uint8Array(SD_BYTES);
  const view = viewOf(bytes);
  view.setUint16(SD_LCTL, sd.lctl);
  view.setInt32(SD_ECA, sd.eca);
  view.setUint8(SD_ICPTCODE, sd.icptcode);
  view.setUint16(SD_IPA, sd.ipa);
  view.setInt32(SD_IPB, sd.ipb);
  view.setUint8(SD_ECB3, sd.ecb3);
  view.setInt32(SD_GD, sd.gd);
  sd.psw.forEach((word, n) => {
    view.setInt32(SD_PSW + 4 * n, word);
  });
  view.setInt32(SD_CRYCBD, sd.crycbd);
  view.setInt32(SD_GCR6 + 4, sd.cr6);
  view.setInt32(SD_ECD, sd.ecd);
  return bytes;
};

/** Reads the 512 architected bytes. */
export const readStateDescription = (bytes: Uint8Array): StateDescription => {
  assertBytes('state description', bytes, SD_BYTES);
  const view = viewOf(bytes);
  const word = (n: number): number => view.getInt32(SD_PSW + 4 * n);
  return {
    lctl: view.getUint16(SD_LCTL),
    eca: view.getInt32(SD_ECA),
    icptcode: view.getUint8(SD_ICPTCODE),
    ipa: view.getUint16(SD_IPA),
    ipb: view.getInt32(SD_IPB),
    ecb3: view.getUint8(SD_ECB3),
    gd: view.getInt32(SD_GD),
    psw: [word(0), word(1), word(2), word(3)],
    crycbd: view.getInt32(SD_CRYCBD),
    cr6: view.getInt32(SD_GCR6 + 4),
    ecd: view.getInt32(SD_ECD),
  };
};

/** GISA designation of a guest of the image: 0 without one. */
const designationOfGisa = (guest: number, format: number): number =>
  format < 0 ? 0 : (GISA_ADDRESS_BASE + guest * GISA_ADDRESS_STRIDE) | format;

/**
 * State description of vCPU `n` of a guest. `outcome` is what `execute` answered last (EXECUTE_…): after an interception the
 * block carries its code and the instruction. LCTL, ECB3 and ECD are not modelled and zero.
 */
export const stateDescriptionOf = (
  image: MachineImage,
  guest: number,
  n: number,
  outcome: number,
): StateDescription => {
  const record = image.guest(guest);
  const vcpu = image.vcpu(guest, n);
  const facilities = image.word(record + G_FACILITIES);
  const intercepted = outcome === EXECUTE_INTERCEPT;
  const instruction = intercepted ? image.word(vcpu + V_INSTRUCTION) : 0;
  return {
    lctl: 0,
    eca:
      ((facilities & FACILITY_AP) !== 0 ? ECA_APIE : 0) |
      ((facilities & FACILITY_AIV) !== 0 ? ECA_AIV : 0),
    icptcode: intercepted ? image.word(vcpu + V_EXIT) : 0,
    ipa: instruction >>> 16,
    ipb: instruction << 16,
    ecb3: 0,
    gd: designationOfGisa(guest, image.word(record + G_GISA_FORMAT)),
    psw: [
      image.word(vcpu + V_PSW_MASK_HIGH),
      image.word(vcpu + V_PSW_MASK_LOW),
      image.word(vcpu + V_PSW_ADDRESS_HIGH),
      image.word(vcpu + V_PSW_ADDRESS_LOW),
    ],
    crycbd: image.word(record + G_CRYCBD),
    cr6: image.word(vcpu + V_CR6),
    ecd: 0,
  };
};

/**
 * Puts a state description into the image: PSW and CR6 of the vCPU, interception, and what belongs to the whole guest (APIE,
 * AIV, CRYCBD, GISA format), from which guards and effective masks follow. The guest's vCPUs must be out of interpretive
 * execution. Throws RangeError for a GISA address other than the guest's: the image has one place for it.
 */
export const applyStateDescription = (
  image: MachineImage,
  guest: number,
  n: number,
  sd: StateDescription,
): void => {
  const record = image.guest(guest);
  const vcpu = image.vcpu(guest, n);
  const format = sd.gd === 0 ? -1 : sd.gd & 1;
  if (sd.gd !== designationOfGisa(guest, format))
    throw new RangeError(`GISA designation ${(sd.gd >>> 0).toString(16)} is not guest ${guest}'s`);
  const { i32 } = image;
  i32[vcpu + V_PSW_MASK_HIGH] = sd.psw[0];
  i32[vcpu + V_PSW_MASK_LOW] = sd.psw[1];
  i32[vcpu + V_PSW_ADDRESS_HIGH] = sd.psw[2];
  i32[vcpu + V_PSW_ADDRESS_LOW] = sd.psw[3];
  i32[vcpu + V_CR6] = sd.cr6;
  if (sd.icptcode !== 0) i32[vcpu + V_EXIT] = sd.icptcode;
  if (sd.icptcode === ICPT_INST) i32[vcpu + V_INSTRUCTION] = (sd.ipa << 16) | (sd.ipb >>> 16);
  i32[record + G_CRYCBD] = sd.crycbd;
  i32[record + G_GISA_FORMAT] = format;
  const kept = image.word(record + G_FACILITIES) & ~(FACILITY_AP | FACILITY_AIV);
  const apie = (sd.eca & ECA_APIE) !== 0 ? FACILITY_AP : 0;
  const aiv = (sd.eca & ECA_AIV) !== 0 ? FACILITY_AIV : 0;
  setFacilities(image, guest, kept | apie | aiv);
  deriveEffectiveMasks(image, guest);
};
