// SPDX-License-Identifier: Apache-2.0
// vCPUs on worker threads: interruptions of two queues through one notification byte, one long task a worker, a worker that dies.
// Needs a built dist: workers load it.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { T_IN_SIE } from '../../native-like/machine/layout.ts';
import type { PooledMachine } from '../../src/vcpu-pool/pooled-machine.ts';
import { finish, type GuestOptions, queueCounts, startPool, sums, vcpusOf } from './bench.ts';

const MESSAGES = Number(process.env['APEMU_POOL_MESSAGES'] ?? 50_000);

const pools: PooledMachine[] = [];
const start = async (...args: Parameters<typeof startPool>): Promise<PooledMachine> => {
  const pool = await startPool(...args);
  pools.push(pool);
  return pool;
};
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.close();
});

describe(`${MESSAGES} messages on two vCPUs, one queue each`, () => {
  it.each([
    ['interruptions, both vCPUs on one worker', { interrupts: true, spread: false }],
    ['interruptions, a worker for each vCPU', { interrupts: true, spread: true }],
    ['polling, both vCPUs on one worker', { interrupts: false, spread: false }],
    ['polling, a worker for each vCPU', { interrupts: false, spread: true }],
  ])('%s: no lost wake-up, no spurious reply', async (_what, { interrupts, spread }) => {
    const guest: GuestOptions = { spread, args: { messages: MESSAGES / 2, interrupts } };
    const pool = await start([guest], { workers: spread ? 2 : 1 });
    const reports = await finish(pool);
    expect(vcpusOf(reports).map((vcpu) => [vcpu.done, vcpu.failure])).toEqual([
      [true, undefined],
      [true, undefined],
    ]);
    const whole = { accepted: MESSAGES / 2, answered: MESSAGES / 2, spurious: 0, inFlight: 0 };
    for (const queue of queueCounts(pool, 'G1')) {
      expect(queue).toMatchObject({ ...whole, flushed: 0, refused: 0 });
    }
    const seen = sums(reports, 'G1');
    expect(seen.lostWakeups).toBe(0);
    expect(seen.interruptions > 0).toBe(interrupts);
  });

  it('interruptions with a service time: replies come while both vCPUs wait', async () => {
    const service = { model: 'fixed', time: '20us' };
    const adapters = Object.fromEntries(
      [1, 2].map((n) => [n, { type: 'CEX8', mode: 'loopback', service }]),
    );
    const pool = await start(
      [{ spread: true, args: { messages: 2_000 } }],
      { workers: 2 },
      { adapters },
    );
    const reports = await finish(pool);
    expect(queueCounts(pool, 'G1').map((queue) => [queue['answered'], queue['spurious']])).toEqual([
      [2_000, 0],
      [2_000, 0],
    ]);
    expect(sums(reports, 'G1').lostWakeups).toBe(0);
  });
});

describe('the pool', () => {
  it('gives each worker one task for the whole run, with vCPUs of different threads inside SIE at the same time', async () => {
    const guests = [1, 2].map(() => ({ args: { messages: -1, interrupts: false } }));
    const pool = await start(guests, { workers: 2 });
    for (let n = 0; n < 400 && pool.maxInSie < 2; n++) await sleep(5);
    expect(pool.maxInSie).toBeGreaterThanOrEqual(2);
    expect(pool.tasksEnded).toBe(0);
    pool.stop();
    const reports = await pool.finished();
    expect(reports).toHaveLength(2);
    expect(new Set(reports.map((report) => report.threadId)).size).toBe(2);
    expect(pool.tasksEnded).toBe(2);
  });

  it('a worker that dies takes its guests along: reported, queues reset, locks broken, the others go on', async () => {
    const guests = [1, 2].map(() => ({ args: { messages: -1, interrupts: true } }));
    const pool = await start(guests, { workers: 2 });
    await progress(pool, 'G1');
    await progress(pool, 'G2');
    await pool.kill(1);
    for (let n = 0; n < 400 && pool.crashes.length === 0; n++) await sleep(5);
    expect(pool.crashes.map((crash) => crash.guest)).toEqual(['G1']);
    await progress(pool, 'G2');
    for (let n = 0; n < 400 && pool.machine.host.matrix.mdevsLock.held; n++) await sleep(5);
    const { image } = pool.machine;
    for (const apqn of [0x0101, 0x0201]) {
      const q = image.queue(apqn);
      expect([image.word(q) & 0xff000000, image.word(q + 15)]).toEqual([0x80000000 | 0, 0]);
    }
    expect(await pool.write('/sys/bus/ap/scans', '1')).toBe('ok');
    await progress(pool, 'G2');
    expect(queueCounts(pool, 'G2').every((queue) => queue['spurious'] === 0)).toBe(true);
  });

  it.each([1, 2])(
    'a guest spread over two workers ends as a whole with worker %i',
    async (victim) => {
      const args = { messages: -1, interrupts: true };
      const pool = await start([{ spread: true, args }], { workers: 2 });
      await progress(pool, 'G1');
      await pool.kill(victim);
      for (let n = 0; n < 400 && pool.crashes.length === 0; n++) await sleep(5);
      expect(pool.crashes.map((crash) => crash.guest)).toEqual(['G1']);
      // The other worker's vCPU ends with it: without that its program would go on for ever.
      const reports = await pool.finished();
      expect(reports.map(({ vcpus }) => vcpus.length)).toEqual([1]);
      expect(pool.machine.image.word(pool.machine.image.thread(3 - victim) + T_IN_SIE)).toBe(0);
    },
  );
});

/** Waits until the guest has exchanged more messages. */
const progress = async (pool: PooledMachine, guest: string): Promise<void> => {
  const answered = (): number =>
    queueCounts(pool, guest).reduce((sum, queue) => sum + queue['answered'], 0);
  const before = answered();
  for (let n = 0; n < 4_000 && answered() < before + 100; n++) await sleep(5);
  expect(answered()).toBeGreaterThanOrEqual(before + 100);
};
