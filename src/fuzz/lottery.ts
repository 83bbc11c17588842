// SPDX-License-Identifier: Apache-2.0
// Draws entries of a list, with a probability in proportion to their weights.
import type { Random } from '../lpar/random.ts';

export class Lottery<Entry> {
  readonly #entries: readonly Entry[];
  /** For each entry, the sum of the weights up to it. */
  readonly #sums: number[] = [];

  /** `entries` must not be empty, and weights must be above 0. */
  constructor(entries: readonly Entry[], weightOf: (entry: Entry) => number) {
    this.#entries = entries;
    let total = 0;
    for (const entry of entries) {
      total += weightOf(entry);
      this.#sums.push(total);
    }
  }

  draw(random: Random): Entry {
    const sums = this.#sums;
    const wanted = (random.word() / 0x100000000) * (sums.at(-1) as number);
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] > wanted) high = middle;
      else low = middle + 1;
    }
    return this.#entries[low] as Entry;
  }
}
