// SPDX-License-Identifier: Apache-2.0
// The shadow CRYCB of a nested guest: the CRYCB that its hypervisor has written, restricted to the hypervisor's own.
// Source: docs/reference/ap-architecture.md section 6.6 (Linux arch/s390/kvm/vsie.c: shadow_crycb, setup_apcb, setup_apcb00,
// setup_apcb10, setup_apcb11).
import { PAGE_MASK } from '../../native-like/arch/limits.ts';
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
} from '../../native-like/arch/sie.ts';

/** Validity-interception reasons. */
const VALIDITY_FORMAT = 0x0022;
const VALIDITY_STORAGE = 0x0035;
const VALIDITY_NO_CRYCB = 0x0039;
const VALIDITY_CROSSES_PAGE = 0x003c;

/** What the hypervisor in the guest designates, and what it has itself. */
export interface ShadowInput {
  /** CRYCB designation in the inner state description. */
  readonly innerCrycbd: number;
  /** Whether ECA.28 is on at both levels. */
  readonly apie: boolean;
  /** Whether key wrapping is on at both levels (ECB3 AES or DEA, ECD ECC). */
  readonly wrapping: boolean;
  /** Whether the outer guest has STFLE 76. */
  readonly msax3: boolean;
  /** Reads outer storage; undefined if some of the bytes are outside it. */
  readonly read: (address: number, bytes: number) => Uint8Array | undefined;
  readonly outerFormat: number;
  readonly outerCrycb: Uint8Array;
}

export type ShadowResult =
  | { readonly validity: number }
  /** The designation without an address: 0, or format 2 whatever format was filled (AD-38). */
  | { readonly validity?: undefined; readonly format: number; readonly crycb: Uint8Array };

/** One row of setup_apcb: the bytes that must not cross a page boundary, and how the masks are made. */
interface ApcbRow {
  readonly inner: number;
  readonly outer: number;
  readonly make: 'apcb11' | 'apcb10' | 'apcb00' | 'refused';
}

const APCB_ROWS: readonly ApcbRow[] = [
  { inner: CRYCB_FORMAT_2, outer: CRYCB_FORMAT_2, make: 'apcb11' },
  { inner: CRYCB_FORMAT_2, outer: CRYCB_FORMAT_1, make: 'refused' },
  { inner: CRYCB_FORMAT_2, outer: CRYCB_FORMAT_0, make: 'refused' },
  { inner: CRYCB_FORMAT_1, outer: CRYCB_FORMAT_2, make: 'apcb10' },
  { inner: CRYCB_FORMAT_1, outer: CRYCB_FORMAT_1, make: 'apcb00' },
  { inner: CRYCB_FORMAT_1, outer: CRYCB_FORMAT_0, make: 'refused' },
  { inner: CRYCB_FORMAT_0, outer: CRYCB_FORMAT_2, make: 'apcb10' },
  { inner: CRYCB_FORMAT_0, outer: CRYCB_FORMAT_1, make: 'apcb00' },
  { inner: CRYCB_FORMAT_0, outer: CRYCB_FORMAT_0, make: 'apcb00' },
];

/**
 * End (one past the last byte) of the bytes of an inner CRYCB that must be on one page, by format. Format 1 is tested for its wrapping
 * keys too.
 */
const CHECKED_BYTES: Readonly<Record<number, number>> = {
  [CRYCB_FORMAT_0]: APCB0_BYTES,
  [CRYCB_FORMAT_1]: 128,
  [CRYCB_FORMAT_2]: CRYCB_BYTES,
};

const crosses = (address: number, format: number): boolean =>
  (address & PAGE_MASK) !== ((address + (CHECKED_BYTES[format] ?? 0)) & PAGE_MASK);

const FAILED = (validity: number): ShadowResult => ({ validity });

/** shadow_crycb. */
export const shadowCrycb = (input: ShadowInput): ShadowResult => {
  const address = input.innerCrycbd & CRYCBD_ADDRESS;
  const format = input.innerCrycbd & CRYCBD_FORMAT;
  const crycb = new Uint8Array(CRYCB_BYTES);
  if (!input.apie && (!input.msax3 || format === CRYCB_FORMAT_0)) return { format: 0, crycb };
  if (address === 0) return FAILED(VALIDITY_NO_CRYCB);
  if (format === CRYCB_FORMAT_1 && crosses(address, format)) return FAILED(VALIDITY_CROSSES_PAGE);
  if (input.apie) {
    const validity = setUpApcb(input, address, format, crycb);
    if (validity !== 0) return FAILED(validity);
  }
  if (input.wrapping && !setUpKeys(input, address, crycb)) return FAILED(VALIDITY_STORAGE);
  return { format: CRYCB_FORMAT_2, crycb };
};

/** setup_apcb. Returns 0, or the validity-interception reason. */
const setUpApcb = (
  input: ShadowInput,
  address: number,
  format: number,
  crycb: Uint8Array,
): number => {
  if (crosses(address, format)) return VALIDITY_CROSSES_PAGE;
  const row = APCB_ROWS.find((one) => one.inner === format && one.outer === input.outerFormat);
  if (row === undefined || row.make === 'refused') return VALIDITY_FORMAT;
  if (row.make === 'apcb11') {
    const inner = input.read(address + CRYCB_APCB1, APCB1_BYTES);
    if (inner === undefined) return VALIDITY_STORAGE;
    andInto(crycb, CRYCB_APCB1, inner, input.outerCrycb.subarray(CRYCB_APCB1));
    return 0;
  }
  const inner = input.read(address + CRYCB_APCB0, APCB0_BYTES);
  if (inner === undefined) return VALIDITY_STORAGE;
  if (row.make === 'apcb00') andInto(crycb, CRYCB_APCB0, inner, input.outerCrycb);
  else apcb10(crycb, inner, input.outerCrycb);
  return 0;
};

const andInto = (target: Uint8Array, at: number, a: Uint8Array, b: Uint8Array): void => {
  for (let n = 0; n < a.length; n++) target[at + n] = a[n] & b[n];
};

/** The first doubleword of each mask goes from APCB0 into APCB1; of domains only the first 16. */
const MASKS10 = [
  { inner: APCB0_APM, outer: APCB1_APM, bytes: 8 },
  { inner: APCB0_AQM, outer: APCB1_AQM, bytes: 2 },
  { inner: APCB0_ADM, outer: APCB1_ADM, bytes: 2 },
] as const;

const apcb10 = (crycb: Uint8Array, inner: Uint8Array, outer: Uint8Array): void => {
  for (const mask of MASKS10) {
    const part = inner.subarray(mask.inner, mask.inner + mask.bytes);
    andInto(crycb, CRYCB_APCB1 + mask.outer, part, outer.subarray(CRYCB_APCB1 + mask.outer));
  }
};

/** Combines the wrapping keys of both levels by XOR. Returns false if the inner ones cannot be read. */
const setUpKeys = (input: ShadowInput, address: number, crycb: Uint8Array): boolean => {
  const inner = input.read(address + CRYCB_WRAPPING_KEYS, CRYCB_WRAPPING_KEY_BYTES);
  if (inner === undefined) return false;
  for (let n = 0; n < CRYCB_WRAPPING_KEY_BYTES; n++) {
    const at = CRYCB_WRAPPING_KEYS + n;
    crycb[at] = inner[n] ^ input.outerCrycb[at];
  }
  return true;
};
