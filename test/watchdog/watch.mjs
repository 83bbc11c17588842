// SPDX-License-Identifier: Apache-2.0
// The thread that ends the process of a test file which takes too long, and says in which test: vitest goes on with the others.
import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

const STDERR = 2;
const { file, limitMs } = workerData;
let place = 'before its first test';

parentPort.on('message', (name) => {
  place = `in or after "${name}"`;
});

setTimeout(() => {
  writeSync(STDERR, `${file} was ended: it has not ended in ${limitMs} ms (${place})\n`);
  process.kill(process.pid, 'SIGKILL');
}, limitMs);
