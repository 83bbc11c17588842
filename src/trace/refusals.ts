// SPDX-License-Identifier: Apache-2.0
// Counts which instructions did not end with response code 00, how often, and when last, for showing them while a machine runs.

import type { TraceRecord } from './record.ts';

/** Instructions of one guest at one queue that ended in one way. */
export interface Refusal {
  readonly guest: string;
  readonly instruction: string;
  /** Undefined for an instruction that names no queue. */
  readonly apqn: string | undefined;
  /** Response code; undefined with a program interruption. */
  readonly rc: number | undefined;
  /** Program-interruption code. */
  readonly program: number | undefined;
  readonly count: number;
  /** The machine's time of the last one, nanoseconds. */
  readonly lastNs: number;
}

/** Kinds that are kept; of more the one that was not met for longest is forgotten. */
const KINDS_MAX = 1000;

export class Refusals {
  /** The kinds, the one that occurred last at the end. */
  readonly #kinds = new Map<string, Refusal>();

  take(records: readonly TraceRecord[]): void {
    for (const record of records)
      if (record.program !== undefined || (record.rc ?? 0) !== 0) this.#count(record);
  }

  /** The newest `count` kinds, the newest first. */
  last(count: number): readonly Refusal[] {
    return [...this.#kinds.values()].reverse().slice(0, count);
  }

  #count({ guest, instruction, apqn, rc, program, timeNs }: TraceRecord): void {
    const key = `${guest} ${instruction} ${apqn} ${rc} ${program}`;
    const count = (this.#kinds.get(key)?.count ?? 0) + 1;
    this.#kinds.delete(key);
    this.#kinds.set(key, { guest, instruction, apqn, rc, program, count, lastNs: timeNs });
    const [oldest] = this.#kinds.keys();
    if (this.#kinds.size > KINDS_MAX && oldest !== undefined) this.#kinds.delete(oldest);
  }
}
