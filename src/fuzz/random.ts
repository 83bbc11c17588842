// SPDX-License-Identifier: Apache-2.0
// Random choices from a seed.
// Source: src/lpar/random.ts (xorshift32). Status: choice.
import { nextRandom, seedRandom } from '../lpar/random.ts';

/** A row of a table of weights. */
export type Weighted<T> = readonly (readonly [weight: number, value: T])[];

export class Random {
  #state: number;

  /** `stream` tells users of the same seed apart. */
  constructor(seed: number, stream = 0) {
    this.#state = seedRandom(seed, stream);
  }

  /** 0 to 2^32 - 1. */
  word(): number {
    this.#state = nextRandom(this.#state);
    return this.#state >>> 0;
  }

  /** 0 to n - 1. */
  below(n: number): number {
    return Math.floor((this.word() / 0x100000000) * n);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  /** One of a list that is not empty. */
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  /** Each element with the given chance, in order. */
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

  /** 64 bits. */
  register(): bigint {
    return (BigInt(this.word()) << 32n) | BigInt(this.word());
  }
}
