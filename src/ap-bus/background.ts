// SPDX-License-Identifier: Apache-2.0
// Work of the kernel in the background, which gets its turn when the scheduler says so.
// Source: docs/decisions.md VD-56.

/** What a real kernel's scheduler decides; asked once for each piece of work. */
export interface BackgroundTurns {
  /** The thread of the random number generator: after so many more probes, or when the operation has ended. */
  generator(): number;
  /** The periodic scan: so many nanoseconds late. */
  scan(): number;
}

/** Nobody else has anything to do. */
export const AT_ONCE: BackgroundTurns = { generator: () => 0, scan: () => 0 };
