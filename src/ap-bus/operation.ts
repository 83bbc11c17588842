// SPDX-License-Identifier: Apache-2.0
// Host operations that may sleep, as generators of waiting times in virtual nanoseconds, and the locks they hold.
// Source: docs/design.md section 4; docs/reference/vfio-ap.md sections 1.3 and 4.7.

/** What a sleeping operation hands to whoever drives it: resume me after this many virtual nanoseconds. */
export interface Wait {
  readonly waitNs: number;
  /** It waits for somebody else (the last close of a file): time alone does not end it. */
  readonly pending?: true;
  /** It waits for this lock. */
  readonly lock?: Lock;
  /** It does not sleep: somebody explores interleavings, and here Linux could be preempted. */
  readonly step?: string;
}

/** One host operation. It ends without yielding if nothing made it sleep. */
export type Operation<T> = Generator<Wait, T, void>;

/** The virtual clock and its timers, given by the composition root. */
export interface Timers {
  nowNs(): number;
  /**
   * `periodic`: a timer that comes again for ever (the bus scan); waiting for everything to end does not wait for it. `operation`: an
   * operation goes on then.
   */
  after(
    delayNs: number,
    fn: () => void,
    kind?: 'once' | 'periodic' | 'operation',
  ): { cancel(): void };
}

/** How often a sleeping operation looks again whether a lock is free (Linux wakes it; virtual time has no wake-up). */
export const LOCK_POLL_NS = 1_000_000;

/** A sleeping lock. Between operations every lock is free unless an operation sleeps with it held. */
export class Lock {
  readonly name: string;
  held = false;
  /** Taking and releasing are steps of their own, for whoever explores interleavings. */
  steps = false;

  constructor(name: string) {
    this.name = name;
  }

  *take(): Operation<void> {
    while (this.held) yield { waitNs: LOCK_POLL_NS, lock: this };
    this.held = true;
  }

  release(): void {
    this.held = false;
  }
}

/** Runs `body` with the locks taken in the order given, and releases them in reverse. */
export function* withLocks<T>(locks: readonly Lock[], body: () => Operation<T> | T): Operation<T> {
  let taken = 0;
  try {
    for (const lock of locks) {
      if (lock.held) yield* lock.take();
      lock.held = true;
      taken++;
      if (lock.steps) yield { waitNs: 0, step: `${lock.name} taken` };
    }
    const result = body();
    const value = isOperation(result) ? yield* result : result;
    while (taken > 0) {
      const lock = locks[--taken];
      lock.release();
      if (lock.steps) yield { waitNs: 0, step: `${lock.name} released` };
    }
    return value;
  } finally {
    while (taken > 0) locks[--taken].release();
  }
}

/** Tells an operation from its plain result. */
export function isOperation<T>(value: T | Operation<T>): value is Operation<T> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value && 'next' in value;
}
