// SPDX-License-Identifier: Apache-2.0
// Starts a worker thread of this folder; works in the build only, as all measuring does.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** A worker running `name`.js of this folder. Its failure is ours. */
export const spawnWorker = (name: string, workerData: unknown): Worker => {
  const worker = new Worker(new URL(`./${name}.js`, import.meta.url), { workerData });
  worker.on('error', (error) => {
    throw error;
  });
  return worker;
};

/** Waits until a worker has ended by itself. */
export const ended = async (worker: Worker): Promise<void> => {
  await once(worker, 'exit');
};
