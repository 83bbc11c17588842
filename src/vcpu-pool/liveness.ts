// SPDX-License-Identifier: Apache-2.0
// Whether a thread still lives, for somebody who cannot wait to be told: the host's thread while it waits for a vCPU to leave. And how
// long a thread could have done something, since a busy computer may not let it run for seconds.
// Source: proc(5), /proc/thread-self and /proc/self/task; Linux, Documentation/scheduler/sched-stats (schedstat of a task). Elsewhere than
// on Linux nothing is known.
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** Number of this thread in the operating system; 0 where it cannot be known. */
export const ownTask = (): number => {
  try {
    return Number(basename(readlinkSync('/proc/thread-self'))) || 0;
  } catch {
    return 0;
  }
};

/** Whether the thread with this number is there; true for one that is not known. */
export const taskLives = (task: number): boolean =>
  task === 0 || existsSync(`/proc/self/task/${task}`);

/** States of a thread, as proc(5) has them. */
const BUSY = 'RD';
const ENDED = 'ZX';

/** What the operating system tells of a thread. */
export interface TaskTime {
  /** Milliseconds it has had a processor. */
  readonly ranMs: number;
  /** Milliseconds it has waited for one, without the wait it is in. */
  readonly waitedMs: number;
  /** It has a processor or waits for one, or for a disk. */
  readonly busy: boolean;
}

/** @param processId whose thread it is; `self` without; undefined where nothing is known, or when it has ended */
export const taskTime = (
  task: number,
  processId: number | 'self' = 'self',
): TaskTime | undefined => {
  const folder = `/proc/${processId}/task/${task}`;
  try {
    const [ran, waited] = readFileSync(`${folder}/schedstat`, 'utf8').split(' ').map(Number);
    const stat = readFileSync(`${folder}/stat`, 'utf8');
    // The state follows the name, which may hold anything but a closing parenthesis at its end.
    const state = stat.slice(stat.lastIndexOf(')') + 2)[0];
    // One that has ended stays until its parent has looked.
    if (ENDED.includes(state)) return undefined;
    return { ranMs: ran / 1e6, waitedMs: waited / 1e6, busy: BUSY.includes(state) };
  } catch {
    return undefined;
  }
};

/**
 * How long threads could have done something between two looks, some milliseconds apart: what one of them had of a processor while it
 * wanted one, else the time that passed without its waits.
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

/** Adds up how long a thread could have done something. */
export class AbleTask {
  readonly #time: () => TaskTime | undefined;
  readonly #nowMs: () => number;
  #before: ReadonlyMap<number, TaskTime>;
  #lookedMs: number;
  #ms = 0;

  /** @param time of the thread; undefined: it is not known, and could always have done something */
  constructor(time: () => TaskTime | undefined, nowMs = () => performance.now()) {
    this.#time = time;
    this.#nowMs = nowMs;
    this.#before = this.#read();
    this.#lookedMs = nowMs();
  }

  /** Milliseconds until now. */
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
