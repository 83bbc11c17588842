// SPDX-License-Identifier: Apache-2.0
// The thread that ends the process of a test file which blocks, and says in which test: vitest goes on with the others.
import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

const STDERR = 2;
const { file, silenceMs } = workerData;
let place = 'before its first test';
const timer = setTimeout(() => {
  writeSync(STDERR, `${file} was ended: it has blocked for ${silenceMs} ms (${place})\n`);
  process.kill(process.pid, 'SIGKILL');
}, silenceMs);

parentPort.on('message', (name) => {
  place = `in or after "${name}"`;
  timer.refresh();
});
