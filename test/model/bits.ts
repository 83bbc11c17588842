// SPDX-License-Identifier: Apache-2.0
// Arithmetic on 64-bit registers held as BigInt, and big-endian bytes.

export const MASK64 = (1n << 64n) - 1n;
export const MASK32 = (1n << 32n) - 1n;

/** Bits 32-63 of a register as an unsigned number. */
export function lowWord(register: bigint): number {
  return Number(register & MASK32);
}

/** The register with bits 32-63 replaced; bits 0-31 kept. */
export function withLowWord(register: bigint, word: bigint): bigint {
  return (register & ~MASK32 & MASK64) | (word & MASK32);
}

/** True if z bit `bit` (0 = most significant of 64) is one. */
export function bitOf(register: bigint, bit: number): boolean {
  return ((register >> BigInt(63 - bit)) & 1n) === 1n;
}

/** The field from z bit `first` to z bit `last`. */
export function fieldOf(register: bigint, first: number, last: number): number {
  return Number((register >> BigInt(63 - last)) & ((1n << BigInt(last - first + 1)) - 1n));
}

/** Sets bit n of a mask in storage: byte n>>3, value 0x80 >> (n&7). */
export function setMaskBit(bytes: Uint8Array, offset: number, n: number): void {
  const at = offset + (n >> 3);
  bytes[at] = bytes[at] | (0x80 >> (n & 7));
}

/** A big-endian unsigned number of `size` bytes. */
export function bigEndian(bytes: Uint8Array, offset: number, size: number): number {
  let value = 0;
  for (let k = 0; k < size; k++) value = value * 256 + bytes[offset + k];
  return value;
}
