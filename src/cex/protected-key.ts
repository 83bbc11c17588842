// SPDX-License-Identifier: Apache-2.0
// Protected keys: what special commands return to a guest's CPACF.
// Source: docs/reference/messages.md 2.13 (wrapped under the guest's CPACF wrapping key, 32-byte pattern appended), 4.2.
//
// CD-06 How CPACF wraps is not public. Here: AES-256-XTS (length preserving, so AES-192 keys keep 24 bytes) with the wrapping
// key and its pattern as the two halves and tweak zero, followed by the pattern. An emulated CPACF unwraps with
// `unwrapProtectedKey`, and refuses keys of another guest by the pattern.
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { sameBytes } from './messages/bytes.ts';

/** Bytes of the wrapping key and of its verification pattern. */
export const WRAPPING_HALF = 32;

const TWEAK = new Uint8Array(16);

/** Wraps a clear key of 16 to 64 bytes; the result is 32 bytes longer. `wrapping` is key and pattern, 64 bytes. */
export function wrapProtectedKey(clear: Uint8Array, wrapping: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-256-xts', wrapping, TWEAK);
  return Buffer.concat([cipher.update(clear), cipher.final(), wrapping.subarray(WRAPPING_HALF)]);
}

/** The clear key in a protected key; undefined if it was wrapped by another guest's key. */
export function unwrapProtectedKey(
  wrapped: Uint8Array,
  wrapping: Uint8Array,
): Uint8Array | undefined {
  const length = wrapped.length - WRAPPING_HALF;
  if (length < 16 || !sameBytes(wrapped.subarray(length), wrapping.subarray(WRAPPING_HALF))) {
    return undefined;
  }
  const cipher = createDecipheriv('aes-256-xts', wrapping, TWEAK);
  return Buffer.concat([cipher.update(wrapped.subarray(0, length)), cipher.final()]);
}

/** Whether a context's wrapping key can be used: key and pattern, the halves different as XTS demands. */
export function usableWrapping(wrapping: Uint8Array | undefined): wrapping is Uint8Array {
  return (
    wrapping?.length === 2 * WRAPPING_HALF &&
    !sameBytes(wrapping.subarray(0, WRAPPING_HALF), wrapping.subarray(WRAPPING_HALF))
  );
}
