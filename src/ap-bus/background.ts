// SPDX-License-Identifier: Apache-2.0
// Work of the kernel in the background, which gets its turn when the scheduler says so.
// Source: docs/decisions.md VD-56.

/** What the scheduler of a real kernel decides. Asked once for each piece of work. */
export interface BackgroundTurns {
  /** For the thread of the random number generator: after how many more probes it runs, if the operation has not ended before. */
  generator(): number;
  /** For the periodic scan: how many nanoseconds late it runs. */
  scan(): number;
}

/** The decisions of a computer that has nothing else to do. */
export const AT_ONCE: BackgroundTurns = { generator: () => 0, scan: () => 0 };
