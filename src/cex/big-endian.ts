// SPDX-License-Identifier: Apache-2.0
// Big-endian byte strings as BigInt and back, for the arithmetic around OpenSSL's operations.

/** The number in big-endian `bytes`; empty is zero. */
export function toBigInt(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return BigInt(`0x${view.toString('hex')}`);
}

/** `value` as `size` big-endian bytes; the value fits. */
export function toBytes(value: bigint, size: number): Uint8Array {
  return Buffer.from(value.toString(16).padStart(2 * size, '0'), 'hex');
}

/** Bytes needed for `value`, at least 1. */
export function byteLength(value: bigint): number {
  return (value.toString(16).length + 1) >> 1;
}
