// SPDX-License-Identifier: Apache-2.0
// Work on a queue in steps: each step is done under the locks, and the waits between the steps without them.
// Source: docs/reference/vfio-ap.md sections 5.2 and 5.4 (Linux sleeps with mdevs_lock held; see docs/decisions.md VD-33).
import type { MachineImage } from '../../native-like/machine/image.ts';
import { K_HOST_RESET } from '../../native-like/machine/layout.ts';
import type { Kernel } from '../lpar/kernel.ts';
import { lockMdevs, unlockMdevs } from './mdevs-lock.ts';

/** Bits of K_HOST_RESET: the host is resetting the queue; above it the number, plus 1, of the thread that waits for the queue in AQIC. */
export const HOST_RESET_RUNNING = 1;
export const HOST_RESET_OWNER_SHIFT = 8;

/**
 * Work on a queue's interruptions. It runs with the mdevs lock held and the queue locked. It yields nanoseconds to wait, for which the
 * locks are released; after that, all it knew about the queue has to be tested again.
 */
export type Steps = Generator<number, number, void>;

export class QueueSteps {
  readonly #image: MachineImage;
  readonly #kernel: Kernel;
  readonly #owner: number;

  /** `owner` is the number of the executing thread, plus 1. */
  constructor(image: MachineImage, kernel: Kernel, owner: number) {
    this.#image = image;
    this.#kernel = kernel;
    this.#owner = owner;
  }

  /**
   * Runs `steps` with the locks held, and yields what they yield without the locks. Until the next step, the queue accepts no other AQIC.
   */
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

  /** Takes the mdevs lock and the queue's lock, for a step that may be the only one. */
  lock(q: number): void {
    lockMdevs(this.#image, this.#owner);
    this.#kernel.lockQueue(q);
  }

  /** Releases both locks. `waits` tells that `run` has more to do; until then the queue accepts no other AQIC. */
  unlock(q: number, waits: boolean): void {
    if (waits) this.#claim(q, true);
    this.#kernel.unlockQueue(q);
    unlockMdevs(this.#image.i32);
  }

  /** Notes in the queue that this thread waits for it, or that it no longer does. */
  #claim(q: number, waits: boolean): void {
    const { i32 } = this.#image;
    const word = this.#image.cold(q) + K_HOST_RESET;
    const mine = this.#owner << HOST_RESET_OWNER_SHIFT;
    if (waits) Atomics.or(i32, word, mine);
    else if ((Atomics.load(i32, word) & ~HOST_RESET_RUNNING) === mine)
      Atomics.and(i32, word, HOST_RESET_RUNNING);
  }
}
