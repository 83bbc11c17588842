// SPDX-License-Identifier: Apache-2.0
// Does something again that has failed.

/** A guest may be lost in its boot, or on its way back, on a busy computer. */
export const GUEST_TRIES = 4;

/**
 * @param failed takes what went wrong each time
 * @param signal when it aborts, nothing is done again
 * @throws what `action` throws the last time
 */
export const retry = async <Result>(
  times: number,
  action: () => Promise<Result>,
  failed: (message: string) => void | Promise<void>,
  signal?: AbortSignal,
): Promise<Result> => {
  for (let left = times; ; left--) {
    try {
      return await action();
    } catch (error) {
      if (left === 1 || signal?.aborted === true) throw error;
      await failed((error as Error).message);
    }
  }
};
