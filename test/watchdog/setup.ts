// SPDX-License-Identifier: Apache-2.0
// The time limit of a test needs an event loop that turns, and counts anew for each test: a second thread looks after the file.
import { relative } from 'node:path';
import { Worker } from 'node:worker_threads';
import { beforeEach, expect } from 'vitest';

/** Longest time of one file, milliseconds: seven times what the slowest takes. */
const FILE_MS_MAX = 600_000;

const file = relative(process.cwd(), expect.getState().testPath ?? '');
const watchdog = new Worker(new URL('./watch.mjs', import.meta.url), {
  workerData: { file, limitMs: Number(process.env['APEMU_TEST_FILE_MS'] ?? FILE_MS_MAX) },
});
watchdog.unref();

beforeEach(({ task }) => watchdog.postMessage(task.name));
