// SPDX-License-Identifier: Apache-2.0
// Factors between units of time, storage and numbers.

/** Nanoseconds, of virtual and of real time. */
export const NS_PER_US = 1_000;
export const NS_PER_MS = 1_000_000;
export const NS_PER_SECOND = 1_000_000_000;

/** Bytes of a mebibyte. */
export const MIB = 0x100000;

/** What the high word of a 64-bit number counts. */
export const TWO_TO_32 = 0x100000000;
