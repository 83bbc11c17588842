// SPDX-License-Identifier: Apache-2.0
// How a rule was broken, in words.

export interface Broken {
  /** Which way of breaking it; stays the same when the scenario gets shorter. */
  readonly way: string;
  /** What the driver did. */
  readonly did: string;
  readonly expected: string;
  /** When it happened, since the kept moment; undefined: at the end. */
  readonly atNs?: number;
}
