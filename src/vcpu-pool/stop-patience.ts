// SPDX-License-Identifier: Apache-2.0
// Threads that were told to stop and do not: the program of one of their vCPUs is in a step that never ends. What counts is the time a
// thread could have run: on a busy computer it may only be waiting for a processor, and cutting it off would lose a message.
import type { MachineImage } from '../../native-like/machine/image.ts';
import { T_TASK, T_WORKER } from '../../native-like/machine/layout.ts';
import { AbleTask, taskTime } from './liveness.ts';

/** A program's step is over long before this. */
export const STOP_MS = 2_000;
/** Between two looks. */
const STOP_LOOK_MS = 100;

export class StopPatience {
  readonly #image: MachineImage;
  readonly #able = new Map<number, AbleTask>();
  #timer: NodeJS.Timeout | undefined;

  constructor(image: MachineImage) {
    this.#image = image;
  }

  /** From now on `end` is called, once, with each of the threads that could have ended and has not. */
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

  /** How long a thread could have run since the first look; nothing before it has loaded what it runs. */
  #ableMs(thread: number): number {
    const block = this.#image.thread(thread);
    if (this.#image.word(block + T_WORKER) === 0) return 0;
    const able =
      this.#able.get(thread) ?? new AbleTask(() => taskTime(this.#image.word(block + T_TASK)));
    this.#able.set(thread, able);
    return able.look();
  }
}
