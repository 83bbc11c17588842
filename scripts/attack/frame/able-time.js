// SPDX-License-Identifier: Apache-2.0
// How long a process could have done something: a computer that is busy with other things makes it late, and that is not its fault.
import { readdirSync, readFileSync } from 'node:fs';

/** Threads of a process: whether each wants a processor, and the nanoseconds it had one. Empty once it has ended. */
function threadsOf(pid) {
  const threads = new Map();
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const [ran] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ');
      const stat = readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8');
      // The state stands behind the name, which may hold anything but a closing parenthesis at the end.
      const running = stat[stat.lastIndexOf(')') + 2] === 'R';
      threads.set(task, { ran: Number(ran) / 1e6, running });
    }
  } catch {
    // A thread, or the process, ended meanwhile.
  }
  return threads;
}

/** Adds up the time of one process. Looks must be some milliseconds apart. */
export class AbleTime {
  #pid;
  #threads;
  #lookedMs = performance.now();
  /** Milliseconds it ran (the thread that ran most), or slept although nothing kept it. */
  ms = 0;

  constructor(pid) {
    this.#pid = pid;
    this.#threads = threadsOf(pid);
  }

  look() {
    const now = performance.now();
    const threads = threadsOf(this.#pid);
    if (threads.size > 0) {
      const ran = [...threads].map(([task, { ran }]) => ran - (this.#threads.get(task)?.ran ?? 0));
      const wanted = [...threads.values(), ...this.#threads.values()].some(
        ({ running }) => running,
      );
      this.ms += wanted ? Math.max(...ran) : now - this.#lookedMs;
    }
    this.#threads = threads;
    this.#lookedMs = now;
    return this.ms;
  }
}
