// SPDX-License-Identifier: Apache-2.0
// A campaign of four workers of which one after the other is killed, as is Redis once, and the coordinator once: each case counts once, and
// corpus and findings are those of a run on one computer that nobody disturbs. APEMU_CHAOS_SECONDS=60 kills for so long (with APEMU_CHAOS_CASES
// cases); without it each is killed a few times.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/lpar/random.ts';
import { apemu } from '../cli/fake-io.ts';
import { campaign, contentOf, countsOf, Running, startWorker } from './processes.ts';
import { REDIS, RedisServer } from './redis-server.ts';

const SECONDS = Number(process.env['APEMU_CHAOS_SECONDS'] ?? 0);
const CASES = Number(process.env['APEMU_CHAOS_CASES'] ?? 3_000);
const WORKERS = 4;
const KILL_EVERY_MS = 3_000;
const LOOK_MS = 100;

const folder = mkdtempSync(join(tmpdir(), 'apemu-killed-'));
const out = join(folder, 'killed');
const random = new Random(7);
let redis: RedisServer;
let workers: Running[] = [];
let coordinator: Running;
const told: string[] = [];

const startCoordinator = (): Running => new Running(campaign(out, CASES, '--queue', redis.socket));

/** Cases that the coordinator has saved. */
const saved = (): number => {
  try {
    return (JSON.parse(readFileSync(join(out, 'state.json'), 'utf8')) as { cases: number }).cases;
  } catch {
    return 0;
  }
};

const killWorker = async (): Promise<void> => {
  const n = random.below(workers.length);
  await workers[n]?.kill();
  workers[n] = startWorker(redis.socket);
};

const killRedis = async (): Promise<void> => {
  await redis.kill();
  await redis.run();
};

const killCoordinator = async (): Promise<void> => {
  await coordinator.kill();
  told.push(coordinator.text);
  coordinator = startCoordinator();
};

/** What happens once so much of the campaign is saved. */
const SHORT: readonly (readonly [share: number, happens: () => Promise<void>])[] = [
  [0.02, killWorker],
  [0.1, killCoordinator],
  [0.3, killRedis],
  [0.5, killWorker],
];

const ended = async (ms: number): Promise<boolean> =>
  (await Promise.race([coordinator.ended, wait(ms, 'running' as const)])) !== 'running';

const disturbShortly = async (): Promise<void> => {
  for (const [share, happens] of SHORT) {
    while (saved() < share * CASES && !(await ended(LOOK_MS)));
    expect(coordinator.process.exitCode, coordinator.text).toBeNull();
    await happens();
  }
};

const disturbLong = async (): Promise<void> => {
  const rounds = Math.ceil((SECONDS * 1000) / KILL_EVERY_MS);
  for (let n = 0; n < rounds; n++) {
    if (await ended(KILL_EVERY_MS)) break;
    await killWorker();
    if (n === Math.floor(rounds / 3)) await killRedis();
    if (n === Math.floor((2 * rounds) / 3)) await killCoordinator();
  }
  expect(coordinator.process.exitCode, 'it was to be still running').toBeNull();
};

describe.skipIf(!REDIS)('a campaign whose processes are killed', () => {
  beforeAll(async () => {
    redis = await RedisServer.start();
    workers = Array.from({ length: WORKERS }, () => startWorker(redis.socket));
  });
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.kill()));
    await coordinator.kill();
    await redis.stop();
    rmSync(folder, { recursive: true });
  });

  it(
    'counts each case once, and has the corpus and the findings of one that nobody disturbs',
    async () => {
      coordinator = startCoordinator();
      await (SECONDS > 0 ? disturbLong() : disturbShortly());
      expect(await coordinator.ended, coordinator.text).toBe(1);
      expect(coordinator.text).toMatch(/going on after [\d,]+ cases/);
      const alone = join(folder, 'alone');
      await apemu(campaign(alone, CASES, '--workers', '1'));
      expect(countsOf(out)).toEqual(countsOf(alone));
      expect(contentOf(out)).toEqual(contentOf(alone));
      expect(Object.keys(contentOf(out)).length).toBeGreaterThan(50);
    },
    300_000 + 5_000 * SECONDS,
  );

  it('lets its workers go when it is over', async () => {
    // One that was started too late to take part waits for another campaign.
    const took = workers.filter(({ text }) => /works for campaign [0-9a-f]{16}/.test(text));
    expect(took.length).toBeGreaterThan(0);
    const codes = await Promise.all(took.map(({ ended: gone }) => gone));
    expect(codes).toEqual(took.map(() => 0));
  });
});
