// SPDX-License-Identifier: Apache-2.0
// A small seeded random generator (sfc32) for generated tests.
// Source: Chris Doty-Humphrey, PractRand, sfc32.

export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  constructor(seed: number) {
    this.a = 0x9e3779b9;
    this.b = seed >>> 0;
    this.c = Math.floor(seed / 2 ** 32) >>> 0;
    for (let k = 0; k < 12; k++) this.word();
  }

  /** 0 to 2^32-1. */
  word(): number {
    const t = (this.a + this.b + this.counter) >>> 0;
    this.counter = (this.counter + 1) >>> 0;
    this.a = (this.b ^ (this.b >>> 9)) >>> 0;
    this.b = (this.c + (this.c << 3)) >>> 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) >>> 0;
    return t;
  }

  /** 0 to n-1. */
  below(n: number): number {
    return this.word() % n;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)];
  }

  /** Each element with the given chance, in order. */
  some<T>(from: readonly T[], percent: number): T[] {
    return from.filter(() => this.chance(percent));
  }

  register(): bigint {
    return (BigInt(this.word()) << 32n) | BigInt(this.word());
  }
}
