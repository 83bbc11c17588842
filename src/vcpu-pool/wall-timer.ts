// SPDX-License-Identifier: Apache-2.0
// Timers of the computer's clock for times that a user has named: of any length, also beyond the 24.8 days after which a timer of
// Node.js is over at once.

/** Longest time a timer of Node.js can be set to, milliseconds. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** Between two looks whether a pause is over before its time, milliseconds. */
const PAUSE_LOOK_MS = 100;

/**
 * Calls `then` after `ms` milliseconds.
 *
 * @returns what takes it back; without effect once it has been called
 */
export function wallTimer(ms: number, then: () => void): () => void {
  let left = ms;
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const part = Math.min(left, TIMER_MS_MAX);
    left -= part;
    timer = setTimeout(left > 0 ? wait : then, part);
  };
  wait();
  return () => clearTimeout(timer);
}

/** Waits for `ms` milliseconds, but no longer than until `ended` says so, which is looked at now and then. */
export async function pause(ms: number, ended: () => boolean): Promise<void> {
  const end = performance.now() + ms;
  for (let left = ms; left > 0 && !ended(); left = end - performance.now()) {
    const part = Math.min(left, PAUSE_LOOK_MS);
    await new Promise<void>((resolve) => void setTimeout(resolve, part));
  }
}
