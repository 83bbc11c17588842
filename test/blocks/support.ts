// SPDX-License-Identifier: Apache-2.0
// Golden bytes as text: hexadecimal digits at offsets, all other bytes zero.

/** Bytes of a block of `length` bytes with the given hexadecimal digits at the given offsets. */
export const golden = (length: number, parts: Readonly<Record<number, string>>): Uint8Array => {
  const bytes = new Uint8Array(length);
  for (const [offset, digits] of Object.entries(parts))
    bytes.set(Buffer.from(digits.replaceAll(' ', ''), 'hex'), Number(offset));
  return bytes;
};
