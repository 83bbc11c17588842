// SPDX-License-Identifier: Apache-2.0
// Counts which features the cases of one job met, and how often. It uses arrays with an element for each feature, since each case meets
// hundreds.

export class FeatureTally {
  /** Features met since `begin`, each once. */
  readonly features: number[] = [];
  readonly #hits: Uint32Array;
  readonly #known: Uint8Array;

  /** `count` is the number of features that exist. */
  constructor(count: number) {
    this.#hits = new Uint32Array(count);
    this.#known = new Uint8Array(count);
  }

  /** Begins a job; these features are known already. */
  begin(known: Uint32Array): void {
    for (const feature of this.features) this.#hits[feature] = 0;
    this.features.length = 0;
    this.#known.fill(0);
    for (const feature of known) this.#known[feature] = 1;
  }

  /** Counts the features that a case met. Returns those that nobody has met before. */
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

  /** For each of `features`, the number of cases that met it. */
  get hits(): Uint32Array {
    return Uint32Array.from(this.features, (feature) => this.#hits[feature]);
  }
}
