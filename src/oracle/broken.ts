// SPDX-License-Identifier: Apache-2.0
// Describes in words how a rule was broken.

export interface Broken {
  /** The way in which it was broken. It stays the same when the scenario is made shorter. */
  readonly way: string;
  /** What the driver did. */
  readonly did: string;
  readonly expected: string;
  /** Time since the kept moment at which it happened; undefined: at the end. */
  readonly atNs?: number;
}
