// SPDX-License-Identifier: Apache-2.0
// Steps of work on a queue that have its locks, and waits between them that have none.
// Source: docs/reference/vfio-ap.md sections 5.2 and 5.4 (Linux sleeps with mdevs_lock held; see docs/decisions.md VD-33).
import type { MachineImage } from '../../native-like/machine/image.ts';
import { K_HOST_RESET } from '../../native-like/machine/layout.ts';
import type { Kernel } from '../lpar/kernel.ts';
import { lockMdevs, unlockMdevs } from './mdevs-lock.ts';

/** K_HOST_RESET: this bit, and above it the number of the thread, plus 1, that waits for the queue in AQIC. */
export const HOST_RESET_RUNNING = 1;
export const HOST_RESET_OWNER_SHIFT = 8;

/**
 * Work on a queue's interruptions, resumed with the mdevs lock and the queue held. What it yields are nanoseconds to wait, without
 * any lock; what it knew of the queue has to be asked again then.
 */
export type Steps = Generator<number, number, void>;

export class QueueSteps {
  readonly #image: MachineImage;
  readonly #kernel: Kernel;
  readonly #owner: number;

  /** `owner`: number of the executing thread, plus 1. */
  constructor(image: MachineImage, kernel: Kernel, owner: number) {
    this.#image = image;
    this.#kernel = kernel;
    this.#owner = owner;
  }

  /** Runs `steps` with the locks, and hands on what they yield without them; until the next step the queue takes no other AQIC. */
  *run(q: number, steps: Steps): Steps {
    try {
      for (;;) {
        const step = this.#locked(q, steps);
        if (step.done === true) return step.value;
        yield step.value;
      }
    } finally {
      this.#claim(q, false);
    }
  }

  #locked(q: number, steps: Steps): IteratorResult<number, number> {
    let waits = false;
    this.lock(q);
    try {
      const step = steps.next();
      waits = step.done !== true;
      return step;
    } finally {
      this.unlock(q, waits);
    }
  }

  /** Takes the mdevs lock and the queue, for a step that may be the only one. */
  lock(q: number): void {
    lockMdevs(this.#image.i32, this.#owner);
    this.#kernel.lockQueue(q);
  }

  /** Gives both back; `waits`: there is more to do with `run`, until then the queue takes no other AQIC. */
  unlock(q: number, waits: boolean): void {
    if (waits) this.#claim(q, true);
    this.#kernel.unlockQueue(q);
    unlockMdevs(this.#image.i32);
  }

  /** Notes in the queue that this thread waits for it, or that it does no longer. */
  #claim(q: number, waits: boolean): void {
    const { i32 } = this.#image;
    const word = this.#image.cold(q) + K_HOST_RESET;
    const mine = this.#owner << HOST_RESET_OWNER_SHIFT;
    if (waits) Atomics.or(i32, word, mine);
    else if ((Atomics.load(i32, word) & ~HOST_RESET_RUNNING) === mine)
      Atomics.and(i32, word, HOST_RESET_RUNNING);
  }
}
