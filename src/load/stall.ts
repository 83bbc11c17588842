// SPDX-License-Identifier: Apache-2.0
// Notices that a load has come to a stop because its drivers wait for what will never come.

import type { LoadSample } from './sample.ts';

/** Nanoseconds: longer than Linux waits for a reply before it resets a queue (120 s), and longer than several of its scans. */
const STALL_NS = 150_000_000_000;

export class StallWatch {
  #moved = -1;
  #sinceNs = 0;

  /** Whether nothing has arrived, been sent, answered or given up for that long. A load without a driver never stalls. */
  stalled({ guests, timeNs }: LoadSample): boolean {
    if (guests.length === 0) return false;
    const moved = guests.reduce(
      (sum, { counts }) => sum + counts.arrived + counts.sent + counts.answered + counts.flushed,
      0,
    );
    if (moved !== this.#moved) {
      this.#moved = moved;
      this.#sinceNs = timeNs;
    }
    return timeNs - this.#sinceNs > STALL_NS;
  }
}
