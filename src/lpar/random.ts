// SPDX-License-Identifier: Apache-2.0
// Seeded random numbers whose state is one word, so that a machine's state decides what comes next.
// Source: Marsaglia, Xorshift RNGs (2003); seeds are spread by the finaliser of MurmurHash3.

/** Next state of a 32-bit xorshift generator. The state must not be 0. */
export const nextRandom = (state: number): number => {
  let x = state | 0;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  return x;
};

/** Initial state for a seed. `stream` makes the states of several users of one seed differ. Never 0. */
export const seedRandom = (seed: number, stream: number): number => {
  let h = (seed ^ Math.imul(stream + 1, 0x9e3779b9)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  h ^= h >>> 16;
  return h === 0 ? 1 : h;
};

/** A state as a fraction, at least 0 and less than 1. */
export const asFraction = (state: number): number => (state >>> 0) / 0x100000000;

/** A row of a table of weights. */
export type Weighted<T> = readonly (readonly [weight: number, value: T])[];

export class Random {
  #state: number;

  /** `stream` makes the numbers of several users of one seed differ. */
  constructor(seed: number, stream = 0) {
    this.#state = seedRandom(seed, stream);
  }

  /** A random word, 0 to 2^32 - 1. */
  word(): number {
    this.#state = nextRandom(this.#state);
    return this.#state >>> 0;
  }

  /** A random number, 0 to n - 1. */
  below(n: number): number {
    return Math.floor((this.word() / 0x100000000) * n);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  /** A random element of a list, which must not be empty. */
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  /** A random selection: each element is in it with the given probability in percent. The order stays. */
  some<T>(from: readonly T[], percent: number): T[] {
    return from.filter(() => this.chance(percent));
  }

  weighted<T>(table: Weighted<T>): T {
    let left = this.below(table.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, value] of table) {
      if (left < weight) return value;
      left -= weight;
    }
    return (table[0] as Weighted<T>[number])[1];
  }

  /** A random number of 64 bits. */
  register(): bigint {
    return (BigInt(this.word()) << 32n) | BigInt(this.word());
  }
}
