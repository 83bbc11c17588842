// SPDX-License-Identifier: Apache-2.0
// Big-endian reading and writing of message bytes; reading past the end gives zero bits and never throws.

/** The unsigned 16-bit number at `at`. */
export function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 8) | bytes[at + 1]) & 0xffff;
}

/** The unsigned 32-bit number at `at`. */
export function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

/** Writes the low 16 bits of `value` at `at`. */
export function putU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

/** Writes the low 32 bits of `value` at `at`. */
export function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Writes `text` as ASCII, cut or blank padded to `size` bytes (CCA keywords are 8 bytes, blank padded). */
export function putAscii(
  bytes: Uint8Array,
  at: number,
  text: string,
  size: number = text.length,
  pad = 0x20,
): void {
  for (let i = 0; i < size; i++) bytes[at + i] = i < text.length ? text.charCodeAt(i) : pad;
}

/** The `size` bytes at `at` as text; bytes outside printable ASCII become `.`. */
export function ascii(bytes: Uint8Array, at: number, size: number): string {
  let text = '';
  for (let i = at; i < at + size; i++) {
    const c = bytes[i] ?? 0;
    text += c >= 0x20 && c < 0x7f ? String.fromCharCode(c) : '.';
  }
  return text;
}

/** Writes `number` (big-endian bytes) right-justified into the field of `size` bytes at `at`; the caller zeroed the field. */
export function putRight(bytes: Uint8Array, at: number, size: number, number: Uint8Array): void {
  const skip = Math.max(0, number.length - size);
  bytes.set(skip === 0 ? number : number.subarray(skip), at + size - (number.length - skip));
}

/** The part of a big-endian number after its leading zero bytes; zero has length 0. */
export function significant(number: Uint8Array): Uint8Array {
  let skip = 0;
  while (skip < number.length && number[skip] === 0) skip++;
  return skip === 0 ? number : number.subarray(skip);
}

/** Compares two big-endian numbers: negative, 0 or positive. Leading zeros do not count. */
export function compareNumbers(a: Uint8Array, b: Uint8Array): number {
  const x = significant(a);
  const y = significant(b);
  if (x.length !== y.length) return x.length - y.length;
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return x[i] - y[i];
  return 0;
}

/** Whether two byte strings are equal in length and content. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/** The next multiple of 4 at or above `length`. */
export function ceil4(length: number): number {
  return (length + 3) & ~3;
}
