// SPDX-License-Identifier: Apache-2.0
// Host operations that may sleep: generators that yield times to wait in virtual nanoseconds. Also the locks they hold.
// Source: docs/design.md section 4; docs/reference/vfio-ap.md sections 1.3 and 4.7.

/** What an operation yields when it sleeps: it wants to be resumed after this many virtual nanoseconds. */
export interface Wait {
  readonly waitNs: number;
  /** It waits for somebody else, such as for the last close of a file. Time alone does not end this wait. */
  readonly pending?: true;
  /** The lock for which it waits. */
  readonly lock?: Lock;
  /** It does not sleep: this is a point at which Linux could be preempted, for those who explore interleavings. */
  readonly step?: string;
}

/** One host operation. If nothing makes it sleep, it ends without yielding. */
export type Operation<T> = Generator<Wait, T, void>;

/** The virtual clock and its timers. The machine provides it. */
export interface Timers {
  nowNs(): number;
  /**
   * `periodic`: the timer comes again for ever (the bus scan), so that nobody waits for it who waits for everything to end. `operation`:
   * it lets an operation go on.
   */
  after(
    delayNs: number,
    fn: () => void,
    kind?: 'once' | 'periodic' | 'operation',
  ): { cancel(): void };
}

/**
 * Virtual nanoseconds after which a sleeping operation looks again whether a lock is free. Linux would wake it, but virtual time has no
 * wake-ups.
 */
export const LOCK_POLL_NS = 1_000_000;

/** A sleeping lock. Between operations every lock is free, unless an operation sleeps with the lock held. */
export class Lock {
  readonly name: string;
  held = false;
  /** Whether taking and releasing it are steps of their own, for those who explore interleavings. */
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

/** Takes the locks in the order given, runs `body`, and releases the locks in reverse order. */
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

/** Tells whether a value is an operation, or a plain result. */
export function isOperation<T>(value: T | Operation<T>): value is Operation<T> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value && 'next' in value;
}
