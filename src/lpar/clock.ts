// SPDX-License-Identifier: Apache-2.0
// Virtual time of a stepped machine: a number that moves only when told to, and timers on it.
// Source: docs/design.md section 4.

import { type PutBack, rememberList } from './remember.ts';

/**
 * What a timer is: something that happens once; something that comes again for ever (scans, polling); an operation that sleeps, whose rest
 * is no plain data.
 */
export type TimerKind = 'once' | 'periodic' | 'operation';

/** A timer that can be taken back. */
export interface Timer {
  readonly atNs: number;
  cancel(): void;
}

interface Entry extends Timer {
  readonly order: number;
  readonly kind: TimerKind;
  readonly action: () => void;
}

/** Timers in order of their time; those of the same time in the order they were set. */
export class Timers {
  readonly #entries: Entry[] = [];
  #order = 0;
  #nowNs = 0;
  /** Counts timers that were set, taken back, or fired. */
  changes = 0;

  nowNs(): number {
    return this.#nowNs;
  }

  /** Calls `action` once, `delayNs` from now. A periodic timer does not keep `run` going. */
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

  /** Time of the next timer; Infinity when there is none. Periodic ones count on request. */
  next(periodicToo = true): number {
    const entry = periodicToo
      ? this.#entries[0]
      : this.#entries.find((candidate) => candidate.kind !== 'periodic');
    return entry?.atNs ?? Number.POSITIVE_INFINITY;
  }

  /** Whether an operation sleeps. */
  get sleeping(): boolean {
    return this.#entries.some((entry) => entry.kind === 'operation');
  }

  /** Time and timers. What actions do with objects that are no timers is put back by whoever owns these. */
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

  /** Sets the time and fires what is due, in order. Timers set meanwhile for the same time fire too. */
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
