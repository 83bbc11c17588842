// SPDX-License-Identifier: Apache-2.0
// How long a process could have done something: a computer that is busy with other things makes it late, and that is not its fault.
import { readdirSync, readFileSync } from 'node:fs';
import { ableMs, taskTime } from '../../../dist/src/vcpu-pool/liveness.js';

/** Threads of a process, with what taskTime tells of each. Empty once it has ended. */
function threadsOf(pid, threads = new Map()) {
  for (const task of tasksOf(pid)) {
    const time = taskTime(task, pid);
    if (time !== undefined) threads.set(task, time);
  }
  return threads;
}

function tasksOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [];
  }
}

/** State and parent: the fields of stat behind the name, which may hold anything but a closing parenthesis at the end. */
function statOf(path) {
  const stat = readFileSync(`/proc/${path}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Processes that a process has started, and theirs. */
function descendantsOf(pid) {
  const children = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const parent = Number(statOf(name)[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It ended meanwhile.
    }
  }
  const found = [];
  for (let next = [pid]; next.length > 0; next = next.flatMap((one) => children.get(one) ?? []))
    found.push(...next);
  return found.slice(1);
}

/** Adds up the time of one process. Looks must be some milliseconds apart. */
export class AbleTime {
  #pid;
  #withDescendants;
  #threads;
  #lookedMs = performance.now();
  /** Milliseconds it ran (the thread that ran most), or slept although nothing kept it. */
  ms = 0;

  /** `withDescendants`: it may wait for processes it has started, and is kept when they are. */
  constructor(pid, { withDescendants = false } = {}) {
    this.#pid = pid;
    this.#withDescendants = withDescendants;
    this.#threads = this.#look();
  }

  look() {
    const now = performance.now();
    const threads = this.#look();
    if (threads.size > 0) this.ms += ableMs(this.#threads, threads, now - this.#lookedMs);
    this.#threads = threads;
    this.#lookedMs = now;
    return this.ms;
  }

  #look() {
    const threads = threadsOf(this.#pid);
    if (this.#withDescendants) for (const pid of descendantsOf(this.#pid)) threadsOf(pid, threads);
    return threads;
  }
}
