// SPDX-License-Identifier: Apache-2.0
// Which features the cases of one job met, and how often: arrays by feature, since each case meets hundreds.

export class FeatureTally {
  /** Features met since `begin`, each once. */
  readonly features: number[] = [];
  readonly #hits: Uint32Array;
  readonly #known: Uint8Array;

  /** `count`: number of features there are. */
  constructor(count: number) {
    this.#hits = new Uint32Array(count);
    this.#known = new Uint8Array(count);
  }

  /** A job begins; these features are known. */
  begin(known: Uint32Array): void {
    for (const feature of this.features) this.#hits[feature] = 0;
    this.features.length = 0;
    this.#known.fill(0);
    for (const feature of known) this.#known[feature] = 1;
  }

  /** A case met these. Returns those that nobody has met before. */
  meet(features: readonly number[]): number[] {
    const fresh: number[] = [];
    for (const feature of features) {
      if (this.#hits[feature]++ === 0) this.features.push(feature);
      if (this.#known[feature] !== 0) continue;
      this.#known[feature] = 1;
      fresh.push(feature);
    }
    return fresh;
  }

  /** In how many cases each of `features` was met. */
  get hits(): Uint32Array {
    return Uint32Array.from(this.features, (feature) => this.#hits[feature]);
  }
}
