// SPDX-License-Identifier: Apache-2.0
// One of two workers of the scaling question: runs its instruction table through kernel or reference for a given time, on command.
import { workerData } from 'node:worker_threads';
import type { SharedMemory } from '../../native-like/machine/globals.ts';
import { MachineImage } from '../../native-like/machine/image.ts';
import { Q_LOCK } from '../../native-like/machine/layout.ts';
import { loadKernel } from '../../src/lpar/kernel.ts';
import { loadDriver } from '../machine/driver-binding.ts';
import { attachReference } from '../machine/machine.ts';
import { ROW_WORDS } from '../machine/tables.ts';
import type { BuiltReference } from '../reference/reference.ts';
import {
  W_COMMAND,
  W_DONE,
  W_DURATION,
  W_ELAPSED,
  W_OPERATIONS,
  W_WORK,
  WORK_KERNEL,
} from './shared-words.ts';

export interface ScalingTask {
  readonly memory: SharedMemory;
  readonly words: Int32Array;
  readonly base: number;
  readonly thread: number;
  readonly reference: BuiltReference;
  /** Instructions for the kernel; the reference has a table of its own, for another queue, when queues are shared. */
  readonly kernelTable: Int32Array;
  readonly referenceTable: Int32Array;
  /** Word index of the reference's shared queue, 0 = none is shared. */
  readonly sharedQueue: number;
}

const task = workerData as ScalingTask;
const { words, base } = task;
const image = new MachineImage(task.memory);
const kernel = await loadKernel(image, { thread: task.thread });
const driver = await loadDriver({ image, kernel, table: task.kernelTable });
const reference = await attachReference(task.reference, image);
const kernelRows = task.kernelTable.length / ROW_WORDS;
const referenceRows = task.referenceTable.length / ROW_WORDS;
const lock = task.sharedQueue + Q_LOCK;
const shared = task.sharedQueue !== 0;

const once = (work: number): number => {
  if (work === WORK_KERNEL) {
    if (shared) driver.driveShared(kernelRows);
    else driver.drive(kernelRows);
    return kernelRows;
  }
  if (shared) reference.driveLocked(task.referenceTable, referenceRows, lock, task.thread + 1);
  else reference.drive(task.referenceTable, referenceRows);
  return referenceRows;
};

for (let command = 0; ; ) {
  Atomics.wait(words, base + W_COMMAND, command);
  command = Atomics.load(words, base + W_COMMAND);
  if (command < 0) break;
  const work = words[base + W_WORK];
  const end = words[base + W_DURATION] / 1000;
  const start = performance.now();
  let operations = 0;
  let elapsed = 0;
  while (elapsed < end) {
    operations += once(work);
    elapsed = performance.now() - start;
  }
  words[base + W_OPERATIONS] = operations;
  words[base + W_ELAPSED] = Math.round(elapsed * 1000);
  Atomics.store(words, base + W_DONE, command);
  Atomics.notify(words, base + W_DONE);
}
