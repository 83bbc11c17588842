// SPDX-License-Identifier: Apache-2.0
// Virtual time of a stepped machine, a number that moves only when told to, and the timers that depend on it.
// Source: docs/design.md section 4.

import { type PutBack, rememberList } from './remember.ts';

/**
 * The kinds of timers: `once` happens once; `periodic` comes again for ever (scans, polling); `operation` resumes an operation that
 * sleeps, whose state is not plain data.
 */
export type TimerKind = 'once' | 'periodic' | 'operation';

/** A timer that can be cancelled. */
export interface Timer {
  readonly atNs: number;
  cancel(): void;
}

interface Entry extends Timer {
  readonly order: number;
  readonly kind: TimerKind;
  readonly action: () => void;
}

/** Timers in the order of their times; those of the same time in the order in which they were set. */
export class Timers {
  readonly #entries: Entry[] = [];
  #order = 0;
  #nowNs = 0;
  /** Counts timers that were set, cancelled, or have fired. */
  changes = 0;

  nowNs(): number {
    return this.#nowNs;
  }

  /** Calls `action` once, `delayNs` nanoseconds from now. A periodic timer does not keep `run` going. */
  after(delayNs: number, action: () => void, kind: TimerKind = 'once'): Timer {
    this.changes++;
    const entry: Entry = {
      atNs: this.#nowNs + delayNs,
      order: this.#order++,
      kind,
      action,
      cancel: () => {
        this.changes++;
        const at = this.#entries.indexOf(entry);
        if (at >= 0) this.#entries.splice(at, 1);
      },
    };
    this.#entries.push(entry);
    this.#entries.sort((a, b) => a.atNs - b.atNs || a.order - b.order);
    return entry;
  }

  /** Time of the next timer; Infinity if there is none. `periodicToo` tells whether periodic ones count. */
  next(periodicToo = true): number {
    const entry = periodicToo
      ? this.#entries[0]
      : this.#entries.find((candidate) => candidate.kind !== 'periodic');
    return entry?.atNs ?? Number.POSITIVE_INFINITY;
  }

  /** Whether any operation sleeps. */
  get sleeping(): boolean {
    return this.#entries.some((entry) => entry.kind === 'operation');
  }

  /**
   * Remembers time and timers; calling the result puts them back. Other objects that the actions of timers change are remembered by their
   * owners.
   */
  remember(): PutBack {
    const putBack = rememberList(this.#entries);
    const [nowNs, order] = [this.#nowNs, this.#order];
    let { changes } = this;
    return () => {
      this.#nowNs = nowNs;
      if (changes === this.changes) return;
      putBack();
      this.#order = order;
      changes = ++this.changes;
    };
  }

  /** Moves the time on and fires what is due, in order. Timers that are set meanwhile for the same time fire too. */
  moveTo(timeNs: number): void {
    this.#nowNs = Math.max(this.#nowNs, timeNs);
    for (
      let entry = this.#entries[0];
      entry !== undefined && entry.atNs <= this.#nowNs;
      entry = this.#entries[0]
    ) {
      this.changes++;
      this.#entries.shift();
      entry.action();
    }
  }
}
