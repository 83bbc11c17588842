// SPDX-License-Identifier: Apache-2.0
// Ends threads that were told to stop and do not, because the program of one of their vCPUs is in a step that never ends. What counts is
// the time for which a thread could have run: on a busy computer it may only be waiting for a processor, and ending it would lose a
// message.
import type { MachineImage } from '../../native-like/machine/image.ts';
import { T_TASK, T_WORKER } from '../../native-like/machine/layout.ts';
import { AbleTask, taskTime } from './liveness.ts';

/** Milliseconds, much longer than a step of a program takes. */
export const STOP_MS = 2_000;
/** Milliseconds between two looks. */
const STOP_LOOK_MS = 100;

export class StopPatience {
  readonly #image: MachineImage;
  readonly #able = new Map<number, AbleTask>();
  #timer: NodeJS.Timeout | undefined;

  constructor(image: MachineImage) {
    this.#image = image;
  }

  /**
   * Begins to watch: `end` is called, once, for each of the threads that could have ended and has not. Threads that end are removed from
   * the set.
   */
  begin(threads: ReadonlySet<number>, end: (thread: number) => void): void {
    const ended = new Set<number>();
    this.#timer ??= setInterval(() => {
      for (const thread of threads) {
        if (ended.has(thread) || this.#ableMs(thread) < STOP_MS) continue;
        ended.add(thread);
        end(thread);
      }
    }, STOP_LOOK_MS);
  }

  end(): void {
    clearInterval(this.#timer);
  }

  /** Milliseconds for which a thread could have run since the first look; 0 until it has loaded its modules. */
  #ableMs(thread: number): number {
    const block = this.#image.thread(thread);
    if (this.#image.word(block + T_WORKER) === 0) return 0;
    const able =
      this.#able.get(thread) ?? new AbleTask(() => taskTime(this.#image.word(block + T_TASK)));
    this.#able.set(thread, able);
    return able.look();
  }
}
