// SPDX-License-Identifier: Apache-2.0
// A process that blocks is ended by the second thread, which names the test; one whose tests go on is left alone.
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

const SILENCE_MS = 1500;
const start = `
  const { Worker } = require('node:worker_threads');
  const workerData = { file: 'test/some.test.ts', silenceMs: ${SILENCE_MS} };
  const watchdog = new Worker(${JSON.stringify(new URL('./watch.mjs', import.meta.url).pathname)}, { workerData });
  watchdog.unref();
`;
const wait = 'setTimeout(() => {}, 60_000);';
const block = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);';
const run = (script: string) =>
  spawnSync(process.execPath, ['-e', start + script], { encoding: 'utf8' });

it('a file that blocks in a test is ended, and the test is named', () => {
  const { signal, stderr } = run(
    `${wait} watchdog.once('online', () => { watchdog.postMessage('takes a lock'); ${block} });`,
  );
  expect(stderr).toBe(
    `test/some.test.ts was ended: it has blocked for ${SILENCE_MS} ms (in or after "takes a lock")\n`,
  );
  expect(signal).toBe('SIGKILL');
});

it('a file that blocks while it loads is ended', () => {
  const { signal, stderr } = run(`${wait} watchdog.once('online', () => { ${block} });`);
  expect(stderr).toContain('(before its first test)');
  expect(signal).toBe('SIGKILL');
});

it('a file whose tests go on for longer is left alone', () => {
  const { status, stderr } = run(`
    const more = setInterval(() => watchdog.postMessage('next'), 50);
    setTimeout(() => clearInterval(more), ${SILENCE_MS * 2});
  `);
  expect([status, stderr]).toEqual([0, '']);
});
