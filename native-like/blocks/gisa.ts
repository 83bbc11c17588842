// SPDX-License-Identifier: Apache-2.0
// The guest interruption state area (GISA) in formats 0 and 1, and the host's GISA interruption block (GIB).
// Source: docs/reference/ap-architecture.md section 6.7 (Linux asm/kvm_host.h, struct kvm_s390_gisa, struct kvm_s390_gib).
// Status: architected as Linux uses it.
import {
  GIB_ALERT_LIST_ORIGIN,
  GIB_BYTES,
  GIB_NISC,
  GISA_IAM,
  GISA_IPM,
  GISA_NEXT_ALERT,
  GISA0_AIRQ_COUNT,
  GISA0_BITS,
  GISA0_BYTES,
  GISA1_AIRQ_COUNT,
  GISA1_AISM,
  GISA1_BITS,
  GISA1_BYTES,
  GISA1_NIMM,
  GISA1_SIMM,
} from '../arch/sie.ts';
import { assertBytes, assertLayout, type BlockField, viewOf } from './block.ts';

export const GISA0_LAYOUT: readonly BlockField[] = [
  {
    name: 'next_alert',
    offset: GISA_NEXT_ALERT,
    bytes: 4,
    meaning: 'next GISA on the alert list; its own address: not on it',
  },
  { name: 'IPM', offset: GISA_IPM, bytes: 1, meaning: 'interruption pending mask' },
  { name: 'reserved', offset: 0x05, bytes: 1, meaning: 'zero' },
  { name: 'bits', offset: GISA0_BITS, bytes: 1, meaning: 'g 02, c 01' },
  { name: 'IAM', offset: GISA_IAM, bytes: 1, meaning: 'interruption alert mask' },
  { name: 'reserved', offset: 0x08, bytes: 4, meaning: 'zero' },
  { name: 'airq_count', offset: GISA0_AIRQ_COUNT, bytes: 4, meaning: 'adapter interruptions' },
];
assertLayout('GISA format 0', GISA0_BYTES, GISA0_LAYOUT);

export const GISA1_LAYOUT: readonly BlockField[] = [
  {
    name: 'next_alert',
    offset: GISA_NEXT_ALERT,
    bytes: 4,
    meaning: 'next GISA on the alert list; its own address: not on it',
  },
  { name: 'IPM', offset: GISA_IPM, bytes: 1, meaning: 'interruption pending mask' },
  { name: 'SIMM', offset: GISA1_SIMM, bytes: 1, meaning: 'single interruption mode mask' },
  { name: 'NIMM', offset: GISA1_NIMM, bytes: 1, meaning: 'no-interruption mode mask' },
  { name: 'IAM', offset: GISA_IAM, bytes: 1, meaning: 'interruption alert mask' },
  { name: 'AISM', offset: GISA1_AISM, bytes: 8, meaning: 'adapter interruption source mask' },
  { name: 'bits', offset: GISA1_BITS, bytes: 1, meaning: 'g 02, c 01' },
  { name: 'reserved', offset: 0x11, bytes: 11, meaning: 'zero' },
  { name: 'airq_count', offset: GISA1_AIRQ_COUNT, bytes: 4, meaning: 'adapter interruptions' },
];
assertLayout('GISA format 1', GISA1_BYTES, GISA1_LAYOUT);

export const GIB_LAYOUT: readonly BlockField[] = [
  {
    name: 'alert_list_origin',
    offset: GIB_ALERT_LIST_ORIGIN,
    bytes: 4,
    meaning: '0 empty, 1 host at work, else the first GISA',
  },
  { name: 'reserved', offset: 0x04, bytes: 4, meaning: 'zero' },
  { name: 'NISC', offset: GIB_NISC, bytes: 1, meaning: "the host's sub-class, low three bits" },
  { name: 'reserved', offset: 0x09, bytes: 23, meaning: 'zero' },
];
assertLayout('GIB', GIB_BYTES, GIB_LAYOUT);

export const GISA_BIT_G = 0x02;
export const GISA_BIT_C = 0x01;
const NISC_MASK = 0x07;

/** Bit of an interruption sub-class in IPM and IAM. */
export const iscBit = (isc: number): number => 0x80 >> isc;

export interface Gisa {
  readonly format: 0 | 1;
  /** Host address, a signed 32-bit number. */
  readonly nextAlert: number;
  readonly ipm: number;
  readonly iam: number;
  readonly g: boolean;
  readonly c: boolean;
  readonly airqCount: number;
  /** In format 1 only; 0 in format 0. */
  readonly simm: number;
  readonly nimm: number;
  readonly aism: readonly [high: number, low: number];
}

/** Length in bytes of a GISA of this format. */
export const gisaBytes = (format: 0 | 1): number => (format === 1 ? GISA1_BYTES : GISA0_BYTES);

/** Makes the 16 or 32 architected bytes. */
export const produceGisa = (gisa: Gisa): Uint8Array => {
  const one = gisa.format === 1;
  const bytes = new Uint8Array(gisaBytes(gisa.format));
  const view = viewOf(bytes);
  view.setInt32(GISA_NEXT_ALERT, gisa.nextAlert);
  view.setUint8(GISA_IPM, gisa.ipm);
  view.setUint8(GISA_IAM, gisa.iam);
  const bits = (gisa.g ? GISA_BIT_G : 0) | (gisa.c ? GISA_BIT_C : 0);
  view.setUint8(one ? GISA1_BITS : GISA0_BITS, bits);
  view.setInt32(one ? GISA1_AIRQ_COUNT : GISA0_AIRQ_COUNT, gisa.airqCount);
  if (one) {
    view.setUint8(GISA1_SIMM, gisa.simm);
    view.setUint8(GISA1_NIMM, gisa.nimm);
    view.setInt32(GISA1_AISM, gisa.aism[0]);
    view.setInt32(GISA1_AISM + 4, gisa.aism[1]);
  }
  return bytes;
};

/** Reads the 16 or 32 architected bytes. */
export const readGisa = (bytes: Uint8Array, format: 0 | 1): Gisa => {
  assertBytes(`GISA format ${format}`, bytes, gisaBytes(format));
  const one = format === 1;
  const view = viewOf(bytes);
  const bits = view.getUint8(one ? GISA1_BITS : GISA0_BITS);
  return {
    format,
    nextAlert: view.getInt32(GISA_NEXT_ALERT),
    ipm: view.getUint8(GISA_IPM),
    iam: view.getUint8(GISA_IAM),
    g: (bits & GISA_BIT_G) !== 0,
    c: (bits & GISA_BIT_C) !== 0,
    airqCount: view.getInt32(one ? GISA1_AIRQ_COUNT : GISA0_AIRQ_COUNT),
    simm: one ? view.getUint8(GISA1_SIMM) : 0,
    nimm: one ? view.getUint8(GISA1_NIMM) : 0,
    aism: one ? [view.getInt32(GISA1_AISM), view.getInt32(GISA1_AISM + 4)] : [0, 0],
  };
};

export interface Gib {
  /** GIB_ORIGIN_EMPTY, GIB_ORIGIN_NONE, or the address of the first GISA. */
  readonly alertListOrigin: number;
  readonly nisc: number;
}

/** Makes the 32 architected bytes. */
export const produceGib = (gib: Gib): Uint8Array => {
  const bytes = new Uint8Array(GIB_BYTES);
  const view = viewOf(bytes);
  view.setInt32(GIB_ALERT_LIST_ORIGIN, gib.alertListOrigin);
  view.setUint8(GIB_NISC, gib.nisc & NISC_MASK);
  return bytes;
};

/** Reads the 32 architected bytes. */
export const readGib = (bytes: Uint8Array): Gib => {
  assertBytes('GIB', bytes, GIB_BYTES);
  const view = viewOf(bytes);
  return {
    alertListOrigin: view.getInt32(GIB_ALERT_LIST_ORIGIN),
    nisc: view.getUint8(GIB_NISC) & NISC_MASK,
  };
};
