// SPDX-License-Identifier: Apache-2.0
// How long a process could have done something: a computer that is busy with other things makes it late, and that is not its fault.
import { readdirSync, readFileSync } from 'node:fs';
import { ableMs, taskTime } from '../../../dist/src/vcpu-pool/liveness.js';

/** Adds the threads of a process, with what taskTime tells of each: none once it has ended. */
function threadsOf(pid, threads) {
  for (const task of tasksOf(pid)) {
    const time = taskTime(task, pid);
    // Who looks at its own process is running now, and what it waited for before is counted.
    if (time !== undefined)
      threads.set(task, task === process.pid ? { ...time, busy: false } : time);
  }
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

/** Number, parent and group of every process. */
function processes() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const [, parent, group] = statOf(name).map(Number);
        return [{ pid: Number(name), parent, group }];
      } catch {
        return []; // It ended meanwhile.
      }
    });
}

/** A process, those it has started, and theirs. */
function withDescendants(pid) {
  const all = processes();
  const startedBy = (one) => all.flatMap((child) => (child.parent === one ? [child.pid] : []));
  const found = [];
  for (let next = [pid]; next.length > 0; next = next.flatMap(startedBy)) found.push(...next);
  return found;
}

/** Which processes count beside the one that is named. */
const COUNTED = {
  alone: (pid) => [pid],
  /** It may wait for processes it has started, and is kept when they are. */
  descendants: withDescendants,
  /** Those of its process group, when it has ended itself. */
  group: (pid) => processes().flatMap((one) => (one.group === pid ? [one.pid] : [])),
};

/** Adds up the time of one process. Looks must be some milliseconds apart. */
export class AbleTime {
  #pid;
  #counted;
  #threads;
  #lookedMs = performance.now();
  /** Milliseconds it ran (the thread that ran most), or slept although nothing kept it. */
  ms = 0;

  /** `counted`: which processes count */
  constructor(pid, counted = 'alone') {
    this.#pid = pid;
    this.#counted = COUNTED[counted];
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
    const threads = new Map();
    for (const pid of this.#counted(this.#pid)) threadsOf(pid, threads);
    return threads;
  }
}
