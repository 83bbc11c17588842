// SPDX-License-Identifier: Apache-2.0
// Whether a thread still lives, for somebody who cannot wait to be told: the host's thread while it waits for a vCPU to leave.
// Source: proc(5), /proc/thread-self and /proc/self/task. Elsewhere than on Linux nothing is known.
import { existsSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** Number of this thread in the operating system; 0 where it cannot be known. */
export const ownTask = (): number => {
  try {
    return Number(basename(readlinkSync('/proc/thread-self'))) || 0;
  } catch {
    return 0;
  }
};

/** Whether the thread with this number is there; true for one that is not known. */
export const taskLives = (task: number): boolean =>
  task === 0 || existsSync(`/proc/self/task/${task}`);
