// SPDX-License-Identifier: Apache-2.0
// Campaigns over a Redis as they are meant to go: who may take part, who sees a finding again, what is shown, what a full disk and a full Redis
// leave behind.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { metricsText } from '../../src/fuzz/metrics.ts';
import { apemu, FakeIo } from '../cli/fake-io.ts';
import { CONFIG, campaign, contentOf, countsOf, Running, startWorker } from './processes.ts';
import { REDIS, RedisServer } from './redis-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'apemu-queue-'));
afterAll(() => rmSync(folder, { recursive: true }));
const LOOK_MS = 50;

/** Waits until a process or a command has said something. */
const said = async (who: { text: string } | FakeIo, words: RegExp): Promise<RegExpExecArray> => {
  for (;;) {
    const found = words.exec('text' in who ? who.text : who.errors + who.output);
    if (found !== null) return found;
    await wait(LOOK_MS);
  }
};

describe.skipIf(!REDIS)('a campaign over a Redis', () => {
  let redis: RedisServer;
  const running: Running[] = [];
  const started = (one: Running): Running => {
    running.push(one);
    return one;
  };
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(async () => {
    await Promise.all(running.map((one) => one.kill()));
    await redis.stop();
  });

  it('is that of one computer, with workers that have the driver and workers that trust', async () => {
    started(startWorker(redis.socket));
    started(new Running(['worker', '--trust', '--queue', redis.socket, '--workers', '1']));
    const out = join(folder, 'queue');
    const { code, errors } = await apemu(campaign(out, 300, '--queue', redis.socket));
    expect(code).toBe(1);
    expect(errors).toMatch(/found by \S+, seen again by the coordinator on the same computer/);
    const alone = join(folder, 'alone');
    await apemu(campaign(alone, 300, '--workers', '1'));
    expect(countsOf(out)).toEqual(countsOf(alone));
    expect(contentOf(out)).toEqual(contentOf(alone));
    const texts = await Promise.all(running.map(async ({ ended, ...one }) => [await ended, one]));
    expect(texts.map(([exit]) => exit)).toEqual([0, 0]);
    expect(running.map(({ text }) => text).join('')).toMatch(/\d+ jobs?, \d+ cases?\n/);
    expect(redis.command('keys', 'apemu:*:blob:*'), 'what is left in Redis').toBe('');
  });

  it('is started by the commands of docs/campaigns.md, which print what the page shows', async () => {
    const page = readFileSync('docs/campaigns.md', 'utf8');
    const shown = (start: string): string[] => {
      const line = page.split('\n').find((one) => one.startsWith(`$ apemu ${start}`)) ?? '';
      return line
        .replace('redis://queue.example', redis.socket)
        .replace(/ --http$/, ` --out ${join(folder, 'page-commands')}`)
        .replace('--cases 1000000', '--cases 70')
        .replaceAll(/(machine\.yaml|driver\.ts)/g, 'examples/fuzzing/$1')
        .split(' ')
        .slice(2);
    };
    const worker = started(new Running([...shown('worker'), '--workers', '1']));
    const { errors } = await apemu(shown('fuzz'));
    expect(await worker.ended).toBe(0);
    for (const text of [errors, worker.text]) {
      const [first] = /^(?:coordinator|\S+ works) .*$/m.exec(text) ?? ['nothing'];
      const words = first.replaceAll(/at \S+;|^\S+_\S+|campaign \w+/g, '').trim();
      const like = page.replaceAll(/at \S+;|^\S+_\S+|campaign \w+/gm, '');
      expect(like).toContain(words);
    }
  });

  it('has one coordinator; the next one goes on when it has died', async () => {
    const out = join(folder, 'two');
    const first = started(new Running(campaign(out, 1_000, '--queue', redis.socket)));
    await said(first, /coordinator of the queue/);
    const other = await apemu(campaign(join(folder, 'other'), 9, '--queue', redis.socket));
    expect([other.code, other.errors]).toEqual([
      3,
      expect.stringMatching(/another coordinator has this queue: \S+ process \d+/),
    ]);
    await first.kill();
    const io = new FakeIo();
    const second = apemu(campaign(out, 1_000, '--queue', redis.socket), io);
    await said(io, /coordinator of the queue/);
    io.interrupt();
    const { code, output } = await second;
    expect([code, output]).toEqual([130, expect.stringContaining('interrupted')]);
  });

  it('refuses a worker with another driver, and says in what it differs', async () => {
    const io = new FakeIo();
    const coordinator = apemu(campaign(join(folder, 'differs'), 9, '--queue', redis.socket), io);
    await said(io, /coordinator of the queue/);
    const words = ['worker', CONFIG, '--driver', 'ap-bus', '--queue', redis.socket];
    const { code, errors } = await apemu([...words, '--workers', '1']);
    io.interrupt();
    await coordinator;
    expect(code).toBe(3);
    expect(errors).toMatch(/not as the campaign: driver: \S+ in the campaign, \S+ here/);
  });

  it('gives the job of a worker that is stopped to another one at once', async () => {
    const io = new FakeIo();
    const out = join(folder, 'stopped');
    const coordinator = apemu(campaign(out, 600, '--queue', redis.socket), io);
    const first = started(startWorker(redis.socket));
    await said(first, /works for campaign/);
    started(startWorker(redis.socket));
    await first.kill('SIGTERM');
    expect(first.process.exitCode).toBe(130);
    expect((await coordinator).output).toMatch(/^600 cases/m);
    const alone = join(folder, 'stopped-alone');
    await apemu(campaign(alone, 600, '--workers', '1'));
    expect(countsOf(out)).toEqual(countsOf(alone));
  });

  it('shows its machines on the page, and tells Prometheus', async () => {
    const out = join(folder, 'page');
    const one = started(new Running(campaign(out, 1_000_000, '--queue', redis.socket, '--http')));
    const worker = started(startWorker(redis.socket));
    const [url] = await said(one, /http:\/\/\S+/);
    const [, name = ''] = await said(worker, /(\S+) works for campaign/);
    const metrics = async (): Promise<string> => await (await fetch(`${url}metrics`)).text();
    const counted = new RegExp(`apemu_worker_cases_total\\{worker="${name}"\\} [1-9]`);
    while (!counted.test(await metrics())) await wait(LOOK_MS);
    const text = await metrics();
    expect(text).toMatch(/^# TYPE apemu_cases_total counter\napemu_cases_total \d+$/m);
    expect(text).toContain(`apemu_worker_up{worker="${name}"} 1`);
    const data = (await (await fetch(`${url}data`)).json()) as { machines: { name: string }[] };
    expect(data.machines).toEqual([expect.objectContaining({ name, threads: 1, alive: true })]);
    await one.kill('SIGINT');
    expect(existsSync(join(out, 'report.html'))).toBe(true);
    await worker.kill('SIGINT');
  });

  it('ends with words when Redis is full, and goes on later', async () => {
    const out = join(folder, 'full-redis');
    const io = new FakeIo();
    const coordinator = apemu(campaign(out, 500, '--queue', redis.socket), io);
    started(startWorker(redis.socket));
    await said(io, /coordinator of the queue/);
    redis.command('config', 'set', 'maxmemory', '1mb');
    const { code, errors } = await coordinator;
    redis.command('config', 'set', 'maxmemory', '0');
    expect(code).toBe(3);
    expect(errors).toMatch(/refuses a command: OOM .*\[APEMU_ERR_QUEUE_REFUSED\]/);
    started(startWorker(redis.socket));
    const again = await apemu(campaign(out, 500, '--queue', redis.socket));
    expect(again.output).toMatch(/^500 cases/m);
  });

  it('ends with words when the disk of the coordinator is full, and loses nothing', async () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=200k', 'tmpfs', disk]);
    if (mounted.status !== 0) {
      process.stderr.write(
        'no file system of 200 KiB can be mounted here: a full disk is not tried\n',
      );
      return;
    }
    try {
      const out = join(disk, 'out');
      started(startWorker(redis.socket));
      const { code, errors } = await apemu(campaign(out, 100_000, '--queue', redis.socket));
      expect([code, errors]).toEqual([2, expect.stringContaining('ENOSPC')]);
      // What the full disk cut off is not a scenario yet.
      const corpus = readdirSync(join(out, 'corpus')).filter((name) => name.endsWith('.ap'));
      expect(corpus.length).toBeGreaterThan(0);
      // With more room it goes on: what the state names is written first.
      spawnSync('mount', ['-o', 'remount,size=20m', disk]);
      const again = await apemu(campaign(out, 100_000, '--workers', '1', '--time', '1s'));
      // A second may be too short for a finding, hence for exit code 1.
      expect([0, 1]).toContain(again.code);
      expect(again.errors).toContain('going on after');
      expect(readdirSync(join(out, 'corpus'))).toEqual(expect.arrayContaining(corpus));
    } finally {
      spawnSync('umount', ['-l', disk]);
    }
  });
});

it('figures of one computer have no workers', () => {
  const stats = { cases: 7, casesPerSecond: 3 } as Parameters<typeof metricsText>[0];
  expect(metricsText(stats)).toMatch(/^apemu_cases_total 7$/m);
  expect(metricsText(stats)).not.toContain('worker');
});
