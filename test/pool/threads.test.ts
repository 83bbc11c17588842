// SPDX-License-Identifier: Apache-2.0
// Threads that share a machine: what a dead one held is free again, what one writes does not undo what another has written, and a thread
// that was not let run is not taken for one that hangs.

import { afterEach, describe, expect, it } from 'vitest';
import { MachineImage } from '../../native-like/machine/image.ts';
import {
  A_LOCK,
  ATTENTION_SHARED,
  C_MDEVS_LOCK,
  C_PENDING_BYTE,
  C_POOL_LOCK,
  Q_ATTENTION,
  Q_LOCK,
  QUEUE_WORDS,
} from '../../native-like/machine/layout.ts';
import { configFromObject } from '../../src/config/load.ts';
import { Machine } from '../../src/host/machine/machine.ts';
import { AdapterService } from '../../src/lpar/adapter-service.ts';
import { releaseDead } from '../../src/vcpu-pool/dead-thread.ts';
import { AbleTask, ownTask, type TaskTime, taskTime } from '../../src/vcpu-pool/liveness.ts';
import { writeOwners } from '../../src/vcpu-pool/owners.ts';
import { PooledMachine } from '../../src/vcpu-pool/pooled-machine.ts';
import { lockMdevs } from '../../src/vfio-ap/mdevs-lock.ts';

const { config } = configFromObject({
  apemu: 1,
  machine: {
    adapters: { 5: { mode: 'loopback', service: { time: '10us' } } },
    usageDomains: [4, 5],
  },
  guests: {
    A: { memory: '1MiB', mdev: { adapters: [5], domains: [4] } },
    B: { memory: '1MiB', spread: true, mdev: { adapters: [5], domains: [5] } },
  },
});
const POOLED = configFromObject({
  apemu: 1,
  machine: { adapters: { 5: { mode: 'loopback' } }, usageDomains: [4, 5] },
  guests: Object.fromEntries(
    ['A', 'B'].map((name, n) => [
      name,
      {
        ...{ memory: '1MiB', program: 'exchange', args: { messages: -1 } },
        mdev: { adapters: [5], domains: [4 + n] },
      },
    ]),
  ),
}).config;
const QUEUE = 0x0504;
/** One of a guest on one thread, one of a guest on several. */
const QUEUES = [QUEUE, 0x0505];

let machine: Machine | undefined;
const open = async (): Promise<Machine> => {
  machine = await Machine.create(config, {});
  return machine;
};
afterEach(() => machine?.close());

describe('a thread that has died', () => {
  it('while it scheduled a request leaves the adapter to the others', async () => {
    const { image } = await open();
    const lock = image.adapter(5) + A_LOCK;
    image.i32[lock] = 3;
    releaseDead(image, 1);
    expect(image.word(lock)).toBe(3);
    releaseDead(image, 2);
    expect(image.word(lock)).toBe(0);
  });
});

describe("the host's thread", () => {
  const LOCKS: readonly (readonly [string, (machine: Machine) => [number, () => void]])[] = [
    ['the mdevs lock', ({ image }) => [C_MDEVS_LOCK, () => lockMdevs(image, 1)]],
    ['the pool of messages', ({ kernel }) => [C_POOL_LOCK, () => kernel.takeLock(C_POOL_LOCK)]],
    [
      'an adapter',
      ({ image, kernel }) => {
        const lock = image.adapter(5) + A_LOCK;
        return [lock, () => kernel.takeLock(lock)];
      },
    ],
    [
      'a queue',
      ({ image, kernel }) => {
        const q = image.queue(QUEUES[1]);
        image.i32[q + Q_ATTENTION] |= ATTENTION_SHARED;
        return [q + Q_LOCK, () => kernel.lockQueue(q)];
      },
    ],
  ];

  it.each(LOCKS)(
    'gets %s with which another thread has died, of which nobody has told it yet',
    async (_what, lockOf) => {
      const pool = await PooledMachine.start(POOLED, { workers: 2 });
      await pool.kill(2);
      const [word, take] = lockOf(pool.machine);
      pool.machine.image.i32[word] = 3;
      take();
      expect(pool.machine.image.word(word)).toBe(1);
      pool.machine.image.i32[word] = 0;
      await pool.close();
    },
  );
});

describe('who owns a queue', () => {
  /** Whether the attention word of each queue is written. */
  const written = async (attention: number): Promise<boolean[]> => {
    const { image, guests } = await open();
    const words = QUEUES.map((apqn) => image.queue(apqn) + Q_ATTENTION);
    image.i32[words[1]] |= attention;
    const seen = new Set<number>();
    const watched = new MachineImage(image.memory);
    const i32 = new Proxy(watched.i32, {
      get: (target, key) => Reflect.get(target, key),
      set: (target, key, value) => {
        seen.add(Number(key));
        return Reflect.set(target, key, value);
      },
    });
    Object.defineProperty(watched, 'i32', { value: i32 });
    writeOwners({ image: watched, guests });
    return words.map((word) => seen.has(word));
  };

  it('is written where it changes', async () => {
    expect(await written(0)).toEqual([false, true]);
  });

  it('is not written over what the thread of its guest may be changing', async () => {
    expect(await written(ATTENTION_SHARED)).toEqual([false, false]);
  });
});

describe('a request that another thread puts on a queue', () => {
  it('right after the look at it is served at the next', async () => {
    const { image, kernel } = await open();
    const number = (image.queue(QUEUE) - image.queueRecord(0)) / QUEUE_WORDS;
    const mark = image.word(C_PENDING_BYTE) + number;
    let looks = 0;
    const unlockQueue = (q: number): void => {
      kernel.unlockQueue(q);
      if (q === image.queue(QUEUE) && ++looks === 1) image.u8[mark] = 1;
    };
    const service = new AdapterService(image, { ...kernel, unlockQueue }, undefined);
    image.u8[mark] = 1;
    service.serve();
    service.serve();
    expect(looks).toBe(2);
  });
});

describe('how long a thread could have run', () => {
  const MS = 100;
  const busy = (ranMs: number): TaskTime => ({ ranMs, waitedMs: 0, busy: true });
  const asleep = (ranMs: number, waitedMs = 0): TaskTime => ({ ranMs, waitedMs, busy: false });
  it.each<[string, (TaskTime | undefined)[], number]>([
    ['is what it ran, when it runs', [busy(0), busy(90), busy(190)], 190],
    ['is nothing, when it is not let run', [busy(5), busy(5), busy(5)], 0],
    ['is what it ran, when it sleeps again', [asleep(0), busy(1), asleep(2)], 2],
    ['is what passes, when it sleeps', [asleep(3), asleep(3), asleep(3)], 2 * MS],
    ['is less by its waits, when it sleeps at each look', [asleep(3, 7), asleep(5, 67)], 40],
    ['is what it ran, when it has waited for long', [asleep(3, 7), asleep(5, 207)], 2],
    ['is what passes, where nothing is known', [undefined, undefined, undefined], 2 * MS],
  ])('%s', (_what, times, ms) => {
    let now = 0;
    const able = new AbleTask(
      () => times[now / MS],
      () => now,
    );
    let looked = 0;
    for (now = MS; now < MS * times.length; now += MS) looked = able.look();
    expect(looked).toBe(ms);
  });

  it.runIf(process.platform === 'linux')('is told by the operating system', () => {
    const before = taskTime(ownTask());
    const end = (before?.ranMs ?? 0) + 50;
    while ((taskTime(ownTask())?.ranMs ?? end) < end);
    expect(taskTime(ownTask())?.busy).toBe(true);
    expect(before?.ranMs).toBeLessThan(end);
    expect(taskTime(0x3ffffe)).toBeUndefined();
  });
});
