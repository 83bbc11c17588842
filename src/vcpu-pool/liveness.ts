// SPDX-License-Identifier: Apache-2.0
// Tells whether a thread still lives, to somebody who cannot wait to be told: the host's thread, while it waits for a vCPU to leave. Also
// tells for how long a thread could have worked, since a busy computer may not let it run for seconds.
// Source: proc(5), /proc/thread-self and /proc/self/task; Linux, Documentation/scheduler/sched-stats (schedstat of a task). Only Linux
// has these files; elsewhere nothing is known.
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** Number of this thread in the operating system; 0 if it cannot be known. */
export const ownTask = (): number => {
  try {
    return Number(basename(readlinkSync('/proc/thread-self'))) || 0;
  } catch {
    return 0;
  }
};

/** Whether the thread with this number exists; true for 0, a thread that is not known. */
export const taskLives = (task: number): boolean =>
  task === 0 || existsSync(`/proc/self/task/${task}`);

/** States of a thread, as in proc(5). */
const BUSY = 'RD';
const ENDED = 'ZX';

/** What the operating system tells of a thread. */
export interface TaskTime {
  /** Milliseconds for which it has had a processor. */
  readonly ranMs: number;
  /** Milliseconds for which it has waited for one. A wait that goes on is not included. */
  readonly waitedMs: number;
  /** Whether it has a processor, or waits for one or for a disk. */
  readonly busy: boolean;
}

/**
 * Processor times of a thread; undefined if nothing is known or it has ended.
 *
 * @param processId the thread's process; default this one
 */
export const taskTime = (
  task: number,
  processId: number | 'self' = 'self',
): TaskTime | undefined => {
  const folder = `/proc/${processId}/task/${task}`;
  try {
    const [ran, waited] = readFileSync(`${folder}/schedstat`, 'utf8').split(' ').map(Number);
    const stat = readFileSync(`${folder}/stat`, 'utf8');
    // The state comes after the name, which is in parentheses and may contain any character.
    const state = stat.slice(stat.lastIndexOf(')') + 2)[0];
    // A thread that has ended is still there until its parent has noticed.
    if (ENDED.includes(state)) return undefined;
    return { ranMs: ran / 1e6, waitedMs: waited / 1e6, busy: BUSY.includes(state) };
  } catch {
    return undefined;
  }
};

/**
 * For how many milliseconds threads could have worked between two looks. If one of them wanted a processor: the most that any of them had
 * one. Otherwise: the time that passed, less what they waited for a processor.
 */
export const ableMs = (
  before: ReadonlyMap<number, TaskTime>,
  after: ReadonlyMap<number, TaskTime>,
  passedMs: number,
): number => {
  const grown = [...after].map(([task, time]) => {
    const { ranMs, waitedMs } = before.get(task) ?? time;
    return { ranMs: time.ranMs - ranMs, waitedMs: time.waitedMs - waitedMs };
  });
  const ranMs = Math.max(0, ...grown.map((time) => time.ranMs));
  if ([...before.values(), ...after.values()].some(({ busy }) => busy)) return ranMs;
  return Math.max(ranMs, passedMs - Math.max(0, ...grown.map((time) => time.waitedMs)));
};

/** Adds up for how long a thread could have worked. */
export class AbleTask {
  readonly #time: () => TaskTime | undefined;
  readonly #nowMs: () => number;
  #before: ReadonlyMap<number, TaskTime>;
  #lookedMs: number;
  #ms = 0;

  /** @param time returns the thread's processor times; a thread without them counts as if it could always have worked */
  constructor(time: () => TaskTime | undefined, nowMs = () => performance.now()) {
    this.#time = time;
    this.#nowMs = nowMs;
    this.#before = this.#read();
    this.#lookedMs = nowMs();
  }

  /** Milliseconds for which the thread could have worked until now. */
  look(): number {
    const [after, now] = [this.#read(), this.#nowMs()];
    this.#ms += ableMs(this.#before, after, now - this.#lookedMs);
    this.#before = after;
    this.#lookedMs = now;
    return this.#ms;
  }

  #read(): ReadonlyMap<number, TaskTime> {
    const time = this.#time();
    return new Map(time === undefined ? [] : [[0, time]]);
  }
}
