// SPDX-License-Identifier: Apache-2.0
// The last AP instructions of a machine, for showing them while it runs.
import type { TraceRecord } from './record.ts';
import { Refusals } from './refusals.ts';
import type { TakeTrace } from './ring.ts';

/** Number of records that are kept. */
const RECENT_RECORDS = 10_000;

export class RecentTrace {
  /** How instructions ended that did not end with 00, since the beginning. */
  readonly refusals = new Refusals();
  #records: TraceRecord[] = [];

  /** Adds records; the oldest are forgotten. */
  readonly take: TakeTrace = (records) => {
    this.refusals.take(records);
    this.#records.push(...records.slice(-RECENT_RECORDS));
    // Cut now and then, so that a record costs the same however many there are.
    if (this.#records.length > 2 * RECENT_RECORDS)
      this.#records = this.#records.slice(-RECENT_RECORDS);
  };

  /** The newest `count` records, the newest at the end. */
  last(count: number): readonly TraceRecord[] {
    return count === 0 ? [] : this.#records.slice(-Math.min(count, RECENT_RECORDS));
  }
}
