// SPDX-License-Identifier: Apache-2.0
// Seeded random numbers over a state word, so that a machine's state decides what comes next.
// Source: Marsaglia, Xorshift RNGs (2003); seeds are spread by the finaliser of MurmurHash3.

/** Next state of a 32-bit xorshift generator. The state must not be 0. */
export const nextRandom = (state: number): number => {
  let x = state | 0;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  return x;
};

/** A state for a seed and a number that tells users of the same seed apart; never 0. */
export const seedRandom = (seed: number, stream: number): number => {
  let h = (seed ^ Math.imul(stream + 1, 0x9e3779b9)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  h ^= h >>> 16;
  return h === 0 ? 1 : h;
};

/** A state as a fraction in [0, 1). */
export const asFraction = (state: number): number => (state >>> 0) / 0x100000000;
