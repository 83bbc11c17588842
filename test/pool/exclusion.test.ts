// SPDX-License-Identifier: Apache-2.0
// Keeping vCPUs out of interpretive execution: who is told, who is waited for, who is kept out.
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import {
  C_POOL_LOCK,
  G_BLOCK,
  G_CRASHED,
  T_IN_SIE,
  V_EVENT,
} from '../../native-like/machine/layout.ts';
import { createMachine, type Machine } from '../../src/index.ts';
import { Exclusion, enterSie, leaveSie } from '../../src/vcpu-pool/sie.ts';

const CONFIG = `
apemu: 1
guests:
  Guest1: { vcpus: 3, memory: 1MiB }
  Guest2: { memory: 1MiB }
`;
const SIE = new URL('../../dist/src/vcpu-pool/sie.js', import.meta.url).href;

/** A thread that is inside with a vCPU until it is told to leave, and comes back as soon as it may. */
const THREAD = `
import { workerData, parentPort } from 'node:worker_threads';
import { enterSie, leaveSie, serveEvent } from ${JSON.stringify(SIE)};
const { memory, vcpu, thread, event, delayMs } = workerData;
const i32 = new Int32Array(memory.buffer);
enterSie(i32, vcpu, thread);
parentPort.postMessage('inside');
while (Atomics.load(i32, vcpu + event) === 0);
Atomics.wait(i32, thread + 63, 0, delayMs);
serveEvent(i32, vcpu, thread);
parentPort.postMessage('back');
leaveSie(i32, vcpu, thread);
`;

/** Moves a thread's clock on after each of some pauses, in milliseconds. */
const CLOCK = `
import { workerData } from 'node:worker_threads';
const { memory, thread, moves } = workerData;
const f64 = new Float64Array(memory.buffer);
const never = new Int32Array(new SharedArrayBuffer(4));
for (const ms of moves) {
  Atomics.wait(never, 0, 0, ms);
  f64[thread / 2]++;
}
`;
/** Much more than the host's longest sleep. */
const DEAD_MS = 200;

const threads: Worker[] = [];
let machine: Machine | undefined;
afterEach(async () => {
  await Promise.all(threads.splice(0).map((thread) => thread.terminate()));
  machine?.close();
});

const next = (thread: Worker): Promise<unknown> =>
  new Promise((resolve, reject) => thread.once('message', resolve).once('error', reject));

/** Threads inside with vCPUs 0, 1, ... of Guest1. */
const threadsInside = async (image: Machine['image'], delays: readonly number[]) => {
  const started = delays.map((delayMs, n) => {
    const workerData = {
      memory: image.memory,
      vcpu: image.vcpu(1, n),
      thread: image.thread(n + 1),
      event: V_EVENT,
      delayMs,
    };
    const url = new URL(`data:text/javascript,${encodeURIComponent(THREAD)}`);
    const thread = new Worker(url, { workerData });
    threads.push(thread);
    return thread;
  });
  expect(await Promise.all(started.map(next))).toEqual(delays.map(() => 'inside'));
  return started;
};

/** Ends when the clock has moved for the last time. */
const moveClock = (image: Machine['image'], thread: number, moves: readonly number[]) => {
  const url = new URL(`data:text/javascript,${encodeURIComponent(CLOCK)}`);
  const worker = new Worker(url, { workerData: { memory: image.memory, thread, moves } });
  return new Promise((resolve) => worker.once('exit', resolve));
};

const start = async () => {
  machine = await createMachine(CONFIG);
  const { image } = machine;
  return { image, i32: image.i32, exclusion: new Exclusion(image, 3) };
};

describe('a change that needs the vCPUs of a guest out', () => {
  it.each([
    ['one that leaves at once', [0]],
    ['one that takes its time: the host sleeps', [30]],
    ['three that leave one after the other', [40, 5, 20]],
    ['two slow ones, one of them longer than a sleep of the host', [60, 45]],
  ])('waits for %s, and lets them in again', async (_what, delays) => {
    const { image, i32, exclusion } = await start();
    const inside = await threadsInside(image, delays);
    const words = delays.map((_, n) => image.thread(n + 1) + T_IN_SIE);
    let seen: number[] = [];
    exclusion.run(1, () => {
      seen = words.map((word) => Atomics.load(i32, word));
    });
    expect(seen).toEqual(delays.map(() => 0));
    expect(await Promise.all(inside.map(next))).toEqual(delays.map(() => 'back'));
    expect(image.word(image.guest(1) + G_BLOCK)).toBe(0);
  });

  it('neither tells nor waits for a vCPU of another guest', async () => {
    const { image, i32, exclusion } = await start();
    const other = image.vcpu(2);
    enterSie(i32, other, image.thread(1));
    let during = 0;
    exclusion.run(1, () => {
      during = Atomics.load(i32, image.thread(1) + T_IN_SIE);
    });
    expect([during, image.word(other + V_EVENT)]).toEqual([other, 0]);
    leaveSie(i32, other, image.thread(1));
  });

  it.each([
    ['stands still from the beginning', []],
    ['moves once more and then stands still', [40]],
  ])(
    'gives a thread up whose clock %s: its guest has crashed, its locks are free',
    async (_what, moves) => {
      const { image, i32 } = await start();
      const thread = image.thread(1);
      enterSie(i32, image.vcpu(1), thread);
      i32[C_POOL_LOCK] = 2;
      const clock = moveClock(image, thread, moves);
      let ran = false;
      new Exclusion(image, 3, DEAD_MS).run(undefined, () => {
        ran = true;
      });
      expect([ran, image.word(image.guest(1) + G_CRASHED)]).toEqual([true, 1]);
      expect([i32[C_POOL_LOCK], i32[thread + T_IN_SIE]]).toEqual([0, 0]);
      await clock;
    },
  );

  it('waits for a slow thread as long as its clock moves', async () => {
    const { image, i32 } = await start();
    const inside = await threadsInside(image, [DEAD_MS * 4]);
    const clock = moveClock(image, image.thread(1), new Array(20).fill(DEAD_MS / 4));
    let inSie = -1;
    new Exclusion(image, 3, DEAD_MS).run(1, () => {
      inSie = Atomics.load(i32, image.thread(1) + T_IN_SIE);
    });
    expect([inSie, image.word(image.guest(1) + G_CRASHED)]).toEqual([0, 0]);
    expect(await Promise.all(inside.map(next))).toEqual(['back']);
    await clock;
  });

  it('waits for vCPUs of a crashed guest that other threads still run', async () => {
    const { image, i32, exclusion } = await start();
    const inside = await threadsInside(image, [30]);
    i32[image.guest(1) + G_CRASHED] = 1;
    let inSie = -1;
    exclusion.run(1, () => {
      inSie = Atomics.load(i32, image.thread(1) + T_IN_SIE);
    });
    expect(inSie).toBe(0);
    expect(await Promise.all(inside.map(next))).toEqual(['back']);
  });

  it('nests, and opens the guest with the outermost only, also after an error', async () => {
    const { image, exclusion } = await start();
    const block = image.guest(1) + G_BLOCK;
    const seen: number[] = [];
    const failing = () =>
      exclusion.run(1, () => {
        exclusion.run(undefined, () => seen.push(image.word(block)));
        seen.push(image.word(block));
        throw new Error('refused');
      });
    expect(failing).toThrow('refused');
    expect([...seen, image.word(block)]).toEqual([1, 1, 0]);
  });
});
