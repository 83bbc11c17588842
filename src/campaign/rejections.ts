// SPDX-License-Identifier: Apache-2.0
// Promises that a driver rejects and nobody handles. Node reports them when everything that was under way in this thread is over, so one
// has to wait for that.
import { ApemuError } from '../errors.ts';
import { type Thrown, thrownOf } from '../target/program/guarded.ts';

export class Rejections {
  #thrown: Thrown[] = [];
  readonly #note = (reason: unknown): void => {
    this.#thrown.push(thrownOf(reason));
  };

  /** From now until `close`, a rejected promise in this thread does not end the process. */
  constructor() {
    process.on('unhandledRejection', this.#note);
  }

  /** The first rejection since the last call; undefined if there was none. */
  readonly first = async (): Promise<Thrown | undefined> => {
    await new Promise((resolve) => setImmediate(resolve));
    const [thrown] = this.#thrown.splice(0);
    return thrown && { ...thrown, message: `in a promise that nobody handles, ${thrown.message}` };
  };

  close(): void {
    process.off('unhandledRejection', this.#note);
  }
}

/**
 * Makes a target with a driver in this thread.
 *
 * @throws ApemuError `APEMU_ERR_TARGET_HEALTH` if the driver, which is named in it, rejects a promise meanwhile
 */
export const withoutRejections = async <Target>(
  name: string,
  make: () => Promise<Target>,
): Promise<Target> => {
  const rejections = new Rejections();
  try {
    const target = await make();
    const thrown = await rejections.first();
    if (thrown === undefined) return target;
    throw new ApemuError(
      'APEMU_ERR_TARGET_HEALTH',
      `driver ${name} throws ${thrown.message} at ${thrown.place} on a healthy machine`,
    );
  } finally {
    rejections.close();
  }
};
