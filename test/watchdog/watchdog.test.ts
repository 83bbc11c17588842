// SPDX-License-Identifier: Apache-2.0
// The process of a test file that does not end is ended by the second thread, which names the test.
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

const LIMIT_MS = 1500;
const START = `
  const { Worker } = require('node:worker_threads');
  const workerData = { file: 'test/some.test.ts', limitMs: ${LIMIT_MS} };
  const watchdog = new Worker(${JSON.stringify(new URL('./watch.mjs', import.meta.url).pathname)}, { workerData });
  watchdog.unref();
`;
const BLOCK = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);';
const TURN = 'setInterval(() => {}, 50);';
const ended = (place: string): string =>
  `test/some.test.ts was ended: it has not ended in ${LIMIT_MS} ms (${place})\n`;

it.each([
  ['blocks while it loads', BLOCK, 'before its first test'],
  [
    'blocks in a test',
    `watchdog.postMessage('takes a lock'); ${BLOCK}`,
    'in or after "takes a lock"',
  ],
  ['waits in a test', `watchdog.postMessage('boots'); ${TURN}`, 'in or after "boots"'],
])('a file that %s is ended, and its place is told', (_, script, place) => {
  const { signal, stderr } = spawnSync(process.execPath, ['-e', START + script], {
    encoding: 'utf8',
  });
  expect([signal, stderr]).toEqual(['SIGKILL', ended(place)]);
});

it('a file that ends is not held', () => {
  const { status, stderr } = spawnSync(process.execPath, ['-e', START], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
});
