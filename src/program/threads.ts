// SPDX-License-Identifier: Apache-2.0
// Host operations that are done step by step: each named thread carries out its lines in order, from one point to the next.
// Source: docs/design.md sections 4 and 6; docs/reference/vfio-ap.md section 6.3 (yield points).
import { LOCK_POLL_NS, type Lock, type Operation } from '../ap-bus/operation.ts';
import type { OperationOutcome } from './program-machine.ts';

/** A line of a thread that has not begun. */
export interface ThreadLine {
  start(): Operation<OperationOutcome>;
  ended(outcome: OperationOutcome): void;
}

/** The time of what the threads act on. */
export interface ThreadClock {
  nowNs(): number;
  advance(ns: number): void;
}

interface Thread {
  readonly name: string;
  readonly lines: ThreadLine[];
  operation: Operation<OperationOutcome> | undefined;
  wakeNs: number;
  lock: Lock | undefined;
  /** Whether it waits for somebody else. */
  pending: boolean;
}

/** Steps after which operations count as ones that never end. */
const MAX_TURNS = 1_500;

/** Text of the point at which a line has ended. */
const ENDED = 'ended';

/**
 * The threads that can go on: those that wait for nothing; if there are none, those that wait for somebody else; if there are none, those
 * that wait for a lock.
 */
export const preferred = <T>(
  all: readonly T[],
  waitsFor: (one: T) => 'lock' | 'another' | undefined,
): T[] => {
  for (const kind of [undefined, 'another', 'lock'] as const) {
    const some = all.filter((one) => waitsFor(one) === kind);
    if (some.length > 0) return some;
  }
  return [];
};

export class HostThreads {
  readonly #clock: ThreadClock;
  readonly #threads = new Map<string, Thread>();
  #inner: ((what: string) => void) | undefined;

  constructor(clock: ThreadClock) {
    this.#clock = clock;
  }

  /** A line for a thread; it begins when those before it have ended. */
  add(name: string, line: ThreadLine): void {
    const thread = this.#threads.get(name);
    if (thread !== undefined) thread.lines.push(line);
    else
      this.#threads.set(name, {
        name,
        lines: [line],
        operation: undefined,
        wakeNs: 0,
        lock: undefined,
        pending: false,
      });
  }

  /** Names of threads that have something left to do. */
  unfinished(): string[] {
    return this.#active().map((thread) => thread.name);
  }

  /** Whether a thread has nothing left to do. */
  idle(name: string): boolean {
    return (this.#threads.get(name)?.lines.length ?? 0) === 0;
  }

  /** What a thread waits for: a lock somebody holds, or something another must do first. */
  waitsFor(name: string): 'lock' | 'another' | undefined {
    const thread = this.#threads.get(name);
    if (thread?.lock?.held === true) return 'lock';
    return thread?.pending === true ? 'another' : undefined;
  }

  /** Called when the machine is in the middle of a thread's step, where vCPUs can go on. */
  point(what: string): void {
    const inner = this.#inner;
    if (inner === undefined) return;
    this.#inner = undefined;
    inner(what);
    this.#inner = inner;
  }

  /**
   * Lets a thread go on to its next step. `inner` is called at each point in the middle of it. Returns where the thread then is: the name
   * of the step, `ended`, or what it waits for.
   */
  advance(name: string, inner: (what: string) => void): string {
    const thread = this.#threads.get(name);
    if (thread === undefined) return ENDED;
    const clock = this.#clock;
    const operation = thread.operation ?? thread.lines[0]?.start();
    if (operation === undefined) return ENDED;
    thread.operation = operation;
    // A lock may be held by something in the background, which needs time.
    const heldNs = thread.lock?.held === true ? LOCK_POLL_NS : 0;
    const waitNs = Math.max(thread.wakeNs - clock.nowNs(), heldNs);
    if (waitNs > 0) clock.advance(waitNs);
    this.#inner = inner;
    try {
      const step = operation.next();
      if (step.done === true) return this.#end(thread, step.value);
      const { lock, pending = false, step: at = 'sleeps' } = step.value;
      thread.lock = lock;
      thread.pending = pending;
      thread.wakeNs = clock.nowNs() + (lock === undefined ? step.value.waitNs : 0);
      return lock === undefined ? at : `waits for ${lock.name}`;
    } finally {
      this.#inner = undefined;
    }
  }

  /**
   * Lets everything go on to its end; the thread that wakes first goes first. `stands` is told where each thread is. Returns the threads
   * that never end.
   */
  finish(stands: (at: string) => void): string[] {
    for (let steps = 0; steps < MAX_TURNS; steps++) {
      const ready = this.#ready();
      const next = ready.toSorted((a, b) => a.wakeNs - b.wakeNs)[0];
      if (next === undefined) break;
      stands(this.advance(next.name, () => {}));
    }
    return this.unfinished();
  }

  #end(thread: Thread, outcome: OperationOutcome): string {
    thread.operation = undefined;
    thread.lock = undefined;
    thread.pending = false;
    thread.wakeNs = 0;
    thread.lines.shift()?.ended(outcome);
    return ENDED;
  }

  #active(): Thread[] {
    return [...this.#threads.values()].filter((thread) => thread.lines.length > 0);
  }

  #ready(): Thread[] {
    return preferred(this.#active(), ({ name }) => this.waitsFor(name));
  }
}
