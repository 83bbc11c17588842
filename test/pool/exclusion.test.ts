// SPDX-License-Identifier: Apache-2.0
// Keeping vCPUs out of interpretive execution: who is told, who is waited for, who is kept out.
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { G_BLOCK, G_CRASHED, T_IN_SIE, V_EVENT } from '../../native-like/machine/layout.ts';
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

  it('does not wait for a guest whose thread has died', async () => {
    const { image, i32, exclusion } = await start();
    enterSie(i32, image.vcpu(1), image.thread(1));
    i32[image.guest(1) + G_CRASHED] = 1;
    let ran = false;
    exclusion.run(undefined, () => {
      ran = true;
    });
    expect(ran).toBe(true);
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
