// SPDX-License-Identifier: Apache-2.0
// What a driver was seen to execute while a scenario could still change it. The next scenario's events can strike there.
// Source: docs/design.md section 10.
import { QUEUE_STATES } from './architected.ts';

/** How often one function was executed at one queue. */
export interface SeenExecutions {
  readonly fn: number;
  readonly apqn: number;
  readonly count: number;
}

/** The execution (the n-th of this function at this queue, from 1) that was the first to find the queue in a state. */
interface SeenState {
  readonly fn: number;
  readonly apqn: number;
  readonly state: number;
  readonly n: number;
}

/** All that was seen, as plain data. */
export interface Seen {
  readonly executions: readonly SeenExecutions[];
  readonly states: readonly SeenState[];
}

export const NOTHING_SEEN: Seen = { executions: [], states: [] };

/** Counts executions. `report` returns what has been seen. */
export class Executions {
  /** Number of executions for each function and queue, whose numbers together are the key. */
  readonly #counts = new Map<number, number>();
  readonly #states = new Map<number, number>();

  reset(): void {
    this.#counts.clear();
    this.#states.clear();
  }

  add(fn: number, apqn: number, state: number): void {
    const key = fn * 0x10000 + apqn;
    const n = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, n);
    const first = key * QUEUE_STATES.length + state;
    if (!this.#states.has(first)) this.#states.set(first, n);
  }

  report(): Seen {
    const partsOf = (key: number) => ({ fn: Math.floor(key / 0x10000), apqn: key % 0x10000 });
    return {
      executions: [...this.#counts].map(([key, count]) => ({ ...partsOf(key), count })),
      states: [...this.#states].map(([first, n]) => {
        const state = first % QUEUE_STATES.length;
        return { ...partsOf((first - state) / QUEUE_STATES.length), state, n };
      }),
    };
  }
}
