// SPDX-License-Identifier: Apache-2.0
// Copies between guest storage and message slots, and operand addresses in the three addressing modes.
// Source: docs/reference/ap-architecture.md AD-02, AD-16; docs/reference/performance.md section 4 rule 5.
// Status: access rules architected; prefixing, DAT and storage keys are the external accessor's business.
import { PGM_ADDRESSING } from '../arch/program-interruptions.ts';
import { PSW_BA, PSW_EA } from '../arch/psw.ts';
import {
  G_EXTERNAL,
  V_GUEST,
  V_PSW_MASK_HIGH,
  V_PSW_MASK_LOW,
  V_STORAGE_BYTE,
  V_STORAGE_SIZE,
} from '../machine/layout.ts';
import { external, I32, U64, wasmCopy } from './views.ts';

/** Up to this many bytes, an unrolled loop is faster than a call of memory.copy. */
const LOOP_COPY_MAX = 128;

/** Copies inside the image; bounds have been checked. */
export const copyBytes = (target: number, source: number, length: number): void => {
  if (((target | source) & 7) === 0 && length <= LOOP_COPY_MAX) {
    let to = target >>> 3;
    let from = source >>> 3;
    const end = (to + (length >>> 3)) | 0;
    const end4 = (end - 3) | 0;
    for (; to < end4; to = (to + 4) | 0, from = (from + 4) | 0) {
      U64[to] = U64[from];
      U64[to + 1] = U64[from + 1];
      U64[to + 2] = U64[from + 2];
      U64[to + 3] = U64[from + 3];
    }
    for (; to < end; to = (to + 1) | 0, from = (from + 1) | 0) U64[to] = U64[from];
    const rest = length & 7;
    if (rest !== 0) wasmCopy(target + length - rest, source + length - rest, rest);
  } else {
    wasmCopy(target, source, length);
  }
};

/** Whether the vCPU runs in 64-bit mode. */
export const is64BitMode = (v: number): boolean => (I32[v + V_PSW_MASK_HIGH] & PSW_EA) !== 0;

/** Mask of the bits in the low half of an address that count in the current addressing mode. */
export const addressMask = (v: number): number => {
  if (is64BitMode(v)) return -1;
  return I32[v + V_PSW_MASK_LOW] & PSW_BA ? 0x7fffffff : 0x00ffffff;
};

/** High half of an operand address; 0 unless the mode is 64-bit (AD-02). */
export const addressHigh = (v: number, high: number): number => (is64BitMode(v) ? high : 0);

const isExternal = (v: number): boolean => I32[I32[v + V_GUEST] + G_EXTERNAL] !== 0;

/** Byte offset in the image of guest bytes [low, low + length), or -1 when one of them is outside storage. */
const locate = (v: number, high: number, low: number, length: number): number => {
  const size = I32[v + V_STORAGE_SIZE];
  if (high !== 0 || length > size || low >>> 0 > size - length) return -1;
  return I32[v + V_STORAGE_BYTE] + low;
};

/**
 * Fetches the first `bytes` of an operand of `length` guest bytes to the image at `target`. The whole operand is tested (AD-16). Returns
 * 0, or a program-interruption code: then nothing was moved.
 */
export const fetchGuest = (
  v: number,
  high: number,
  low: number,
  length: number,
  bytes: number,
  target: number,
): number => {
  if (isExternal(v)) return external?.fetch(v, high, low, bytes, target) ?? PGM_ADDRESSING;
  const source = locate(v, high, low, length);
  if (source < 0) return PGM_ADDRESSING;
  copyBytes(target, source, bytes);
  return 0;
};

/** Stores image bytes at `source` to the guest. Returns 0, or a program-interruption code: then nothing was moved. */
export const storeGuest = (
  v: number,
  high: number,
  low: number,
  length: number,
  source: number,
): number => {
  if (isExternal(v)) return external?.store(v, high, low, length, source) ?? PGM_ADDRESSING;
  const target = locate(v, high, low, length);
  if (target < 0) return PGM_ADDRESSING;
  copyBytes(target, source, length);
  return 0;
};
