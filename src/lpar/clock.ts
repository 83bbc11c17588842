// SPDX-License-Identifier: Apache-2.0
// Virtual time of a stepped machine: a number that moves only when told to, and timers on it.
// Source: docs/design.md section 4.

/** A timer that can be taken back. */
export interface Timer {
  readonly atNs: number;
  cancel(): void;
}

interface Entry extends Timer {
  readonly order: number;
  readonly periodic: boolean;
  readonly action: () => void;
}

/** Timers in order of their time; those of the same time in the order they were set. */
export class Timers {
  #entries: Entry[] = [];
  #order = 0;
  #nowNs = 0;
  /** Counts timers that were set, taken back, or fired. */
  changes = 0;

  nowNs(): number {
    return this.#nowNs;
  }

  /** Calls `action` once, `delayNs` from now. A periodic one does not keep `run` going (scans, polling). */
  after(delayNs: number, action: () => void, periodic = false): Timer {
    this.changes++;
    const entry: Entry = {
      atNs: this.#nowNs + delayNs,
      order: this.#order++,
      periodic,
      action,
      cancel: () => {
        this.changes++;
        this.#entries = this.#entries.filter((other) => other !== entry);
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
      : this.#entries.find((candidate) => !candidate.periodic);
    return entry?.atNs ?? Number.POSITIVE_INFINITY;
  }

  /** Goes back to a time, with the timers as they are: none has changed since. */
  moveBack(timeNs: number): void {
    this.#nowNs = timeNs;
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
