// SPDX-License-Identifier: Apache-2.0
// The crypto control block of a guest (CRYCB) with its two AP control blocks (APCB0, APCB1), and its designation (CRYCBD).
// Source: docs/reference/ap-architecture.md section 6.2 (Linux asm/kvm_host.h, struct kvm_s390_crypto_cb).
// Status: architected as Linux uses it.
import {
  APCB0_ADM,
  APCB0_APM,
  APCB0_AQM,
  APCB0_BYTES,
  APCB1_ADM,
  APCB1_APM,
  APCB1_AQM,
  APCB1_BYTES,
  CRYCB_APCB0,
  CRYCB_APCB1,
  CRYCB_BYTES,
  CRYCB_FORMAT_0,
  CRYCB_FORMAT_1,
  CRYCB_FORMAT_2,
  CRYCB_WRAPPING_KEY_BYTES,
  CRYCB_WRAPPING_KEYS,
  CRYCBD_ADDRESS,
  CRYCBD_FORMAT,
} from '../arch/sie.ts';
import {
  assertBytes,
  assertLayout,
  type BlockField,
  type MaskWords,
  readMask,
  viewOf,
  writeMask,
} from './block.ts';

/** How the machine looks at a CRYCB of one format. */
export interface CrycbFormatRow {
  /** Value of CRYCBD bits 30-31. */
  readonly format: number;
  readonly name: string;
  readonly apcb: 0 | 1;
  /** Length that must not cross a page when a hypervisor shadows the block. */
  readonly checkedBytes: number;
}

export const CRYCB_FORMATS: readonly CrycbFormatRow[] = [
  { format: CRYCB_FORMAT_0, name: 'format 0', apcb: 0, checkedBytes: 32 },
  { format: CRYCB_FORMAT_1, name: 'format 1', apcb: 0, checkedBytes: 128 },
  { format: CRYCB_FORMAT_2, name: 'format 2', apcb: 1, checkedBytes: 256 },
];

const DEA_BYTES = 24;
const AES_BYTES = 32;

export const CRYCB_LAYOUT: readonly BlockField[] = [
  { name: 'APCB0', offset: CRYCB_APCB0, bytes: APCB0_BYTES, meaning: 'masks of formats 0 and 1' },
  { name: 'reserved', offset: 0x20, bytes: 40, meaning: 'kept' },
  {
    name: 'DEA mask',
    offset: CRYCB_WRAPPING_KEYS,
    bytes: DEA_BYTES,
    meaning: 'DEA wrapping key mask',
  },
  { name: 'AES mask', offset: 0x60, bytes: AES_BYTES, meaning: 'AES wrapping key mask' },
  { name: 'APCB1', offset: CRYCB_APCB1, bytes: APCB1_BYTES, meaning: 'masks of format 2' },
];
assertLayout('CRYCB', CRYCB_BYTES, CRYCB_LAYOUT);

/** Only ids 0-63 of adapters and 0-15 of domains. The rest of AQM and ADM exists but is not used. */
export const APCB0_LAYOUT: readonly BlockField[] = [
  { name: 'APM', offset: APCB0_APM, bytes: 8, meaning: '64 adapters' },
  { name: 'AQM', offset: APCB0_AQM, bytes: 2, meaning: '16 usage domains' },
  { name: 'unused', offset: 0x0a, bytes: 6, meaning: 'ignored' },
  { name: 'ADM', offset: APCB0_ADM, bytes: 2, meaning: '16 control domains' },
  { name: 'unused', offset: 0x12, bytes: 6, meaning: 'ignored' },
  { name: 'reserved', offset: 0x18, bytes: 8, meaning: 'kept' },
];
assertLayout('APCB0', APCB0_BYTES, APCB0_LAYOUT);

export const APCB1_LAYOUT: readonly BlockField[] = [
  { name: 'APM', offset: APCB1_APM, bytes: 32, meaning: '256 adapters' },
  { name: 'AQM', offset: APCB1_AQM, bytes: 32, meaning: '256 usage domains' },
  { name: 'ADM', offset: APCB1_ADM, bytes: 32, meaning: '256 control domains' },
  { name: 'reserved', offset: 0x60, bytes: 32, meaning: 'kept' },
];
assertLayout('APCB1', APCB1_BYTES, APCB1_LAYOUT);

if (CRYCB_WRAPPING_KEYS + CRYCB_WRAPPING_KEY_BYTES !== CRYCB_APCB1)
  throw new Error('CRYCB: wrapping keys do not end at APCB1');

/** The three masks of an APCB. */
export interface ApcbMasks {
  readonly apm: MaskWords;
  readonly aqm: MaskWords;
  readonly adm: MaskWords;
}

export interface Crycb {
  readonly apcb0: ApcbMasks;
  readonly apcb1: ApcbMasks;
  /** DEA wrapping key mask, 24 bytes. */
  readonly dea: Uint8Array;
  /** AES wrapping key mask, 32 bytes. */
  readonly aes: Uint8Array;
}

interface ApcbPlace {
  readonly apm: number;
  readonly aqm: number;
  readonly adm: number;
  readonly adapterBytes: number;
  readonly domainBytes: number;
}

const APCB_PLACES: readonly [ApcbPlace, ApcbPlace] = [
  {
    apm: CRYCB_APCB0 + APCB0_APM,
    aqm: CRYCB_APCB0 + APCB0_AQM,
    adm: CRYCB_APCB0 + APCB0_ADM,
    adapterBytes: 8,
    domainBytes: 2,
  },
  {
    apm: CRYCB_APCB1 + APCB1_APM,
    aqm: CRYCB_APCB1 + APCB1_AQM,
    adm: CRYCB_APCB1 + APCB1_ADM,
    adapterBytes: 32,
    domainBytes: 32,
  },
];

/** The row of a CRYCBD; undefined for format bits 2, which are not defined. */
export const crycbFormatOf = (crycbd: number): CrycbFormatRow | undefined =>
  CRYCB_FORMATS.find((row) => row.format === (crycbd & CRYCBD_FORMAT));

/** A CRYCBD: a 31-bit address on a doubleword boundary, and the format bits. */
export const crycbDesignation = (address: number, format: number): number => {
  if ((address & ~CRYCBD_ADDRESS) !== 0 || (format & ~CRYCBD_FORMAT) !== 0)
    throw new RangeError(`CRYCB at ${address} of format ${format} has no designation`);
  return address | format;
};

/** Writes masks into one APCB of the 256 bytes of a CRYCB. Ids it has no room for are dropped; reserved bytes stay. */
export const writeApcb = (crycb: Uint8Array, apcb: 0 | 1, masks: ApcbMasks): void => {
  assertBytes('CRYCB', crycb, CRYCB_BYTES);
  const place = APCB_PLACES[apcb];
  const view = viewOf(crycb);
  writeMask(view, place.apm, place.adapterBytes, masks.apm);
  writeMask(view, place.aqm, place.domainBytes, masks.aqm);
  writeMask(view, place.adm, place.domainBytes, masks.adm);
};

/** Reads one APCB out of the 256 bytes of a CRYCB. */
export const readApcb = (crycb: Uint8Array, apcb: 0 | 1): ApcbMasks => {
  assertBytes('CRYCB', crycb, CRYCB_BYTES);
  const place = APCB_PLACES[apcb];
  const view = viewOf(crycb);
  return {
    apm: readMask(view, place.apm, place.adapterBytes),
    aqm: readMask(view, place.aqm, place.domainBytes),
    adm: readMask(view, place.adm, place.domainBytes),
  };
};

/** Makes the 256 architected bytes. */
export const produceCrycb = (crycb: Crycb): Uint8Array => {
  assertBytes('DEA wrapping key mask', crycb.dea, DEA_BYTES);
  assertBytes('AES wrapping key mask', crycb.aes, AES_BYTES);
  const bytes = new Uint8Array(CRYCB_BYTES);
  bytes.set(crycb.dea, CRYCB_WRAPPING_KEYS);
  bytes.set(crycb.aes, CRYCB_WRAPPING_KEYS + DEA_BYTES);
  writeApcb(bytes, 0, crycb.apcb0);
  writeApcb(bytes, 1, crycb.apcb1);
  return bytes;
};

/** Reads the 256 architected bytes. */
export const readCrycb = (bytes: Uint8Array): Crycb => ({
  apcb0: readApcb(bytes, 0),
  apcb1: readApcb(bytes, 1),
  dea: bytes.slice(CRYCB_WRAPPING_KEYS, CRYCB_WRAPPING_KEYS + DEA_BYTES),
  aes: bytes.slice(CRYCB_WRAPPING_KEYS + DEA_BYTES, CRYCB_APCB1),
});
