// SPDX-License-Identifier: Apache-2.0
// The time limit of a test needs an event loop that turns. A second thread looks after a file whose loop does not.
import { relative } from 'node:path';
import { Worker } from 'node:worker_threads';
import { beforeEach, expect } from 'vitest';

/** Longest time without a new test, milliseconds: longer than the limit of a test, which ends all others. */
const SILENCE_MS_MAX = 330_000;

const file = relative(process.cwd(), expect.getState().testPath ?? '');
const silenceMs = Number(process.env['APEMU_TEST_SILENCE_MS'] ?? SILENCE_MS_MAX);
const watchdog = new Worker(new URL('./watch.mjs', import.meta.url), {
  workerData: { file, silenceMs },
});
watchdog.unref();

beforeEach(({ task }) => watchdog.postMessage(task.name));
