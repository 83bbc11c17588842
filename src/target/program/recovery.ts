// SPDX-License-Identifier: Apache-2.0
// Tests whether a driver works again: each queue gets a request, and another one if that ended with an error, until the time is over.
import type { EndingFact, Outcome } from '../outcome.ts';

/** Nanoseconds of virtual time between two tries. */
const AGAIN_NS = 1_000_000_000;
const NO_ENDING = 'no ending';

/** What this needs of the target. */
export interface Recovery {
  nowNs(): number;
  /** Makes a request to a queue and returns its number. */
  probe(apqn: number): number;
  /** Lets time pass until `done`, but not more than `ns` nanoseconds. */
  until(ns: number, done: () => boolean): void;
  wait(ns: number): void;
  ending(id: number): EndingFact | undefined;
  /** Whether the driver has given the queue up for good. */
  isGone(apqn: number): boolean;
  /** Whether the driver has thrown or runs wild. */
  isOver(): boolean;
}

/** Queues that did not serve a request within `boundNs`, with what their last try ended with. */
export const unrecovered = (
  queues: readonly number[],
  boundNs: number,
  target: Recovery,
): Outcome['unrecovered'] => {
  const limit = target.nowNs() + boundNs;
  const missing = new Map(queues.map((apqn) => [apqn, NO_ENDING]));
  while (missing.size > 0 && !target.isOver()) {
    const tries = [...missing.keys()].map((apqn) => [apqn, target.probe(apqn)] as const);
    target.until(limit - target.nowNs(), () =>
      tries.every(([, id]) => target.ending(id) !== undefined),
    );
    for (const [apqn, id] of tries) {
      const ending = target.ending(id);
      const well = ending !== undefined && ending.error === undefined;
      if (well || (ending !== undefined && target.isGone(apqn))) missing.delete(apqn);
      else missing.set(apqn, ending?.error ?? NO_ENDING);
    }
    const left = limit - target.nowNs();
    if (left <= 0 || [...missing.values()].includes(NO_ENDING)) break;
    if (missing.size > 0) target.wait(Math.min(AGAIN_NS, left));
  }
  return [...missing].map(([apqn, why]) => ({ apqn, why }));
};
