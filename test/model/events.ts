// SPDX-License-Identifier: Apache-2.0
// Virtual time and what is due: completions of resets, AQIC changes, services, associations, busy periods.

import type { ModelQueue } from './state.ts';

export type EventKind = 'reset' | 'aqic' | 'service' | 'associate' | 'busy';

interface Event {
  readonly due: number;
  readonly kind: EventKind;
  readonly queue: ModelQueue;
  readonly run: () => void;
}

export class Events {
  now = 0;
  private waiting: Event[] = [];

  /** Events due at the same time happen in the order in which they were added. */
  after(ns: number, kind: EventKind, queue: ModelQueue, run: () => void): void {
    this.waiting.push({ due: this.now + ns, kind, queue, run });
  }

  /** Forgets the events of a queue, all or those of one kind. */
  cancel(queue: ModelQueue, kind?: EventKind): void {
    this.waiting = this.waiting.filter(
      (e) => e.queue !== queue || (kind !== undefined && e.kind !== kind),
    );
  }

  /** Moves time and lets everything happen that is due up to then, in order. */
  advance(ns: number): void {
    const end = this.now + ns;
    for (let next = this.next(end); next !== undefined; next = this.next(end)) {
      this.now = next.due;
      this.waiting.splice(this.waiting.indexOf(next), 1);
      next.run();
    }
    this.now = end;
  }

  /** When the next thing is due; Infinity for nothing. */
  get nextDue(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.waiting.map(({ due }) => due));
  }

  private next(end: number): Event | undefined {
    let first: Event | undefined;
    for (const e of this.waiting) {
      if (e.due <= end && (first === undefined || e.due < first.due)) first = e;
    }
    return first;
  }
}
