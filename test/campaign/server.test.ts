// SPDX-License-Identifier: Apache-2.0
// What is said before a campaign begins: addresses, packages, servers that will not do, options that contradict each other, machines that differ.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressOf, checkServer, loadPackages } from '../../src/campaign/queue/connection.ts';
import { differences } from '../../src/campaign/queue/manifest.ts';
import { apemu } from '../cli/fake-io.ts';
import { CONFIG, campaign, DRIVER } from './processes.ts';
import { REDIS, RedisServer } from './redis-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'apemu-server-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('an address of Redis', () => {
  it.each([
    ['redis://host', { host: 'host', port: 6379, db: 0 }],
    ['redis://host:6380/3', { host: 'host', port: 6380, db: 3 }],
    ['redis://[::1]', { host: '::1', port: 6379, db: 0 }],
    ['redis://:p%40ss@host', { host: 'host', port: 6379, db: 0, password: 'p@ss' }],
    [
      'redis://me:secret@host',
      { host: 'host', port: 6379, db: 0, username: 'me', password: 'secret' },
    ],
    ['rediss://host', { host: 'host', port: 6379, db: 0, tls: {} }],
    ['/run/redis.sock', { path: '/run/redis.sock' }],
    ['./redis.sock', { path: './redis.sock' }],
    ['unix:///run/redis.sock?db=2', { path: '/run/redis.sock', db: 2 }],
  ])('%s is understood', (url, options) => expect(addressOf(url).options).toEqual(options));

  it.each([
    'host',
    'http://host',
    'redis://',
    'redis://host/name',
    'unix:',
    '',
    'redis://host:port',
    'redis://:50%off@host',
  ])('"%s" is refused with what was expected', (url) =>
    expect(() => addressOf(url)).toThrow(/expected redis:\/\/HOST/),
  );

  it('never shows its password', () => {
    expect(addressOf('redis://me:secret@host').name).toBe('redis://host:6379/0');
    for (const url of ['http://me:secret@host', 'redis://:pa/secret@host', 'redis://:%secret@host'])
      expect(() => addressOf(url)).toThrow(/^(?!.*secret).*$/);
  });

  it('without a password has that of REDISCLI_AUTH', () => {
    expect(addressOf('redis://host', 'secret').options.password).toBe('secret');
    expect(addressOf('redis://:own@host', 'secret').options.password).toBe('own');
  });
});

describe('what a server says of itself', () => {
  const info = (...lines: string[]): string =>
    ['redis_version:7.0.15', 'role:master', 'maxmemory_policy:noeviction', ...lines].join('\r\n');

  it.each([
    ['redis_version:5.0.14', /version 5\.0\.14 \(expected 6\.2 or newer\)/],
    ['redis_version:6.0.16', /expected 6\.2 or newer/],
    ['', /version unknown/],
    [
      info().replace('noeviction', 'allkeys-lru'),
      /maxmemory-policy allkeys-lru.*expected noeviction/,
    ],
    [info().replace('master', 'slave'), /is a replica/],
  ])('%j will not do', (text, words) => {
    expect(() => checkServer(text, 'redis://host')).toThrow(words);
  });

  it.each([
    ['6.2.0', true],
    ['7.0.15', true],
    ['10.1', true],
  ])('version %s will do', (version) => {
    const text = info('aof_enabled:1').replace('7.0.15', version);
    expect(checkServer(text, 'redis://host')).toEqual([]);
  });

  it('without an append-only file is warned of', () => {
    expect(checkServer(info('aof_enabled:0'), 'redis://host')).toEqual([
      expect.stringContaining('no append-only file'),
    ]);
  });
});

it('packages that are not installed are named with the command that brings them', async () => {
  const load = (): Promise<never> => Promise.reject(new Error("Cannot find package 'bullmq'"));
  await expect(loadPackages(load)).rejects.toThrow(/npm install bullmq ioredis/);
});

it('a worker that differs is told in what', () => {
  const theirs = { apemu: '1 build a', driver: 'd', qemu: '7.2.1' };
  expect(differences(theirs, theirs)).toEqual([]);
  expect(differences(theirs, { apemu: '1 build b', driver: 'd' })).toEqual([
    'apemu: 1 build a in the campaign, 1 build b here',
    'qemu: 7.2.1 in the campaign, none here',
  ]);
});

describe('options', () => {
  const worker = (...words: string[]) => apemu(['worker', ...words]);
  it.each([
    [['--queue', '/none'], 'APEMU_ERR_USAGE_WORKER'],
    [['--queue', '/none', '--driver', DRIVER], 'APEMU_ERR_USAGE_CONFIG'],
    [[CONFIG, '--queue', '/none', '--trust'], 'APEMU_ERR_USAGE_CONFIG'],
    [[CONFIG, '--queue', '/none', '--driver', DRIVER, '--trust'], 'APEMU_ERR_USAGE_WORKER'],
    [[CONFIG, '--queue', 'nowhere', '--driver', DRIVER], 'APEMU_ERR_USAGE_QUEUE'],
    [[CONFIG, '--queue', '/none', '--driver', DRIVER], 'ENOENT'],
    [[CONFIG, '--queue', 'redis://127.0.0.1:1', '--driver', DRIVER], 'ECONNREFUSED'],
  ])('worker %j ends with %s', async (words, said) => {
    const { code, errors } = await worker(...words);
    expect([code, errors]).toEqual([2, expect.stringContaining(said)]);
  });

  it('--workers are of this computer', async () => {
    const out = join(folder, 'both');
    const { code, errors } = await apemu(campaign(out, 3, '--queue', '/none', '--workers', '2'));
    expect([code, errors]).toEqual([2, expect.stringContaining('apemu worker')]);
  });
});

describe.skipIf(!REDIS)('a server', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start('--requirepass', 'secret');
  });
  afterAll(() => redis.stop());

  const coordinate = (queue: string) =>
    apemu(campaign(join(folder, 'out'), 3, '--queue', queue, '--time', '1s'));

  it.each([
    ['no password', ''],
    ['a wrong one', ':wrong@'],
  ])('that wants a password, and gets %s, is left with words', async (_what, auth) => {
    const { code, errors } = await coordinate(
      `unix://${auth}${auth && 'localhost'}${redis.socket}`,
    );
    expect([code, errors]).toEqual([2, expect.stringContaining('it refuses the password')]);
    expect(errors).not.toContain('wrong');
  });

  it('that throws keys away is refused', async () => {
    redis.command('-a', 'secret', 'config', 'set', 'maxmemory-policy', 'allkeys-lru');
    const { code, errors } = await coordinate(`unix://:secret@localhost${redis.socket}`);
    redis.command('-a', 'secret', 'config', 'set', 'maxmemory-policy', 'noeviction');
    expect([code, errors]).toEqual([3, expect.stringContaining('expected noeviction')]);
  });
});
