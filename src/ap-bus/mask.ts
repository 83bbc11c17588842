// SPDX-License-Identifier: Apache-2.0
// Masks of 256 adapters or domains: bit n stands for number n, and bit 0 is the leftmost bit of the first of eight 32-bit words.
// Source: docs/reference/vfio-ap.md section 0; ap-architecture.md section 4.3.
import { MASK_BITS } from '../../native-like/arch/limits.ts';

/** A mask of eight words. Bit 0 is the most significant bit of word 0. */
export type Mask = Uint32Array;

const WORDS_PER_MASK = MASK_BITS / 32;

export const emptyMask = (): Mask => new Uint32Array(WORDS_PER_MASK);
export const fullMask = (): Mask => new Uint32Array(WORDS_PER_MASK).fill(0xffffffff);
export const copyOf = (mask: Mask): Mask => mask.slice();

export function testBit(mask: Mask, n: number): boolean {
  return (mask[n >>> 5] & (0x80000000 >>> (n & 31))) !== 0;
}

export function setBit(mask: Mask, n: number): void {
  mask[n >>> 5] = mask[n >>> 5] | (0x80000000 >>> (n & 31));
}

export function clearBit(mask: Mask, n: number): void {
  mask[n >>> 5] = mask[n >>> 5] & ~(0x80000000 >>> (n & 31));
}

export function isEmpty(mask: Mask): boolean {
  for (let w = 0; w < WORDS_PER_MASK; w++) if (mask[w] !== 0) return false;
  return true;
}

export function equals(a: Mask, b: Mask): boolean {
  for (let w = 0; w < WORDS_PER_MASK; w++) if (a[w] !== b[w]) return false;
  return true;
}

export function intersects(a: Mask, b: Mask): boolean {
  for (let w = 0; w < WORDS_PER_MASK; w++) {
    if ((a[w] & b[w]) !== 0) return true;
  }
  return false;
}

/** target = a AND b; any of the three may be the same. */
function setAnd(target: Mask, a: Mask, b: Mask): void {
  for (let w = 0; w < WORDS_PER_MASK; w++) target[w] = a[w] & b[w];
}

/** target = a AND NOT b. */
function setAndNot(target: Mask, a: Mask, b: Mask): void {
  for (let w = 0; w < WORDS_PER_MASK; w++) target[w] = a[w] & ~b[w];
}

export function and(a: Mask, b: Mask): Mask {
  const result = emptyMask();
  setAnd(result, a, b);
  return result;
}

export function andNot(a: Mask, b: Mask): Mask {
  const result = emptyMask();
  setAndNot(result, a, b);
  return result;
}

/** The numbers of the bits that are one, ascending, up to and including `max`. */
export function bitsOf(mask: Mask, max = MASK_BITS - 1): number[] {
  const result: number[] = [];
  for (let w = 0; w < WORDS_PER_MASK; w++) {
    let word = mask[w];
    while (word !== 0) {
      const lead = Math.clz32(word);
      const n = w * 32 + lead;
      if (n > max) return result;
      result.push(n);
      word &= ~(0x80000000 >>> lead);
    }
  }
  return result;
}

/** The mask in which exactly these bits are on. */
export function maskOf(numbers: Iterable<number>): Mask {
  const mask = emptyMask();
  for (const n of numbers) setBit(mask, n);
  return mask;
}

/** The mask in the 32 bytes at `offset` of an architected block. */
export function maskFromBytes(bytes: Uint8Array, offset: number): Mask {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, 32);
  const mask = emptyMask();
  for (let w = 0; w < WORDS_PER_MASK; w++) mask[w] = view.getUint32(w * 4);
  return mask;
}

/** The mask as 32 architected bytes. */
export function maskToBytes(mask: Mask): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  for (let w = 0; w < WORDS_PER_MASK; w++) view.setUint32(w * 4, mask[w]);
  return bytes;
}

/** The mask as text: `0x` and 64 lower-case hex digits, without a newline. */
export function maskText(mask: Mask): string {
  let text = '0x';
  for (let w = 0; w < WORDS_PER_MASK; w++) text += mask[w].toString(16).padStart(8, '0');
  return text;
}
