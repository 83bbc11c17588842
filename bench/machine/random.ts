// SPDX-License-Identifier: Apache-2.0
// A small generator (xorshift32), so that every run executes the same streams.

/** Numbers from a seed. */
export interface Random {
  /** The next integer in [0, limit). */
  below(limit: number): number;
}

export const createRandom = (seed: number): Random => {
  let x = seed | 0 || 1;
  return {
    below: (limit) => {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      return (x >>> 0) % limit;
    },
  };
};

/** Shuffles in place (Fisher-Yates). */
export const shuffle = <T>(items: T[], random: Random): T[] => {
  for (let n = items.length - 1; n > 0; n--) {
    const other = random.below(n + 1);
    [items[n], items[other]] = [items[other], items[n]];
  }
  return items;
};
