// SPDX-License-Identifier: Apache-2.0
// Does something again that has failed.

/** @param failed takes what went wrong each time. @throws what `action` throws the last time */
export const retry = async (
  times: number,
  action: () => Promise<void>,
  failed: (message: string) => void,
): Promise<void> => {
  for (let left = times; ; left--) {
    try {
      await action();
      return;
    } catch (error) {
      if (left === 1) throw error;
      failed((error as Error).message);
    }
  }
};
