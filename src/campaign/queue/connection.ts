// SPDX-License-Identifier: Apache-2.0
// The connection to Redis: the packages it needs, the server's address, and whether the server keeps what it is given.
// Source: BullMQ's documentation ("Going to production"): maxmemory-policy noeviction, append-only file.
import type { Redis, RedisOptions } from 'ioredis';
import { ApemuError } from '../../errors.ts';

/** The packages that `--queue` needs. They do not come with this package. */
export interface QueuePackages {
  readonly bullmq: typeof import('bullmq');
  readonly Redis: typeof import('ioredis').Redis;
}

/** A connection that is restored by itself. */
export interface QueueConnection {
  readonly packages: QueuePackages;
  readonly client: Redis;
  /** The address without its password. */
  readonly name: string;
  /** What is not right with the server, in words. */
  readonly warnings: readonly string[];
}

/** The first release of Redis that has all that is used. */
const NEEDED = [6, 2] as const;
const CONNECT_MS = 10_000;
/** Longest time in milliseconds between two attempts to connect again. */
const RETRY_MS = 1_000;
const EXPECTED = 'expected redis://HOST[:PORT][/DATABASE], rediss://… for TLS, or a Unix socket';

const importPackages = async (): Promise<QueuePackages> => {
  const [bullmq, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')]);
  return { bullmq, Redis };
};

/**
 * Loads the packages.
 *
 * @throws ApemuError `APEMU_ERR_USAGE_QUEUE_PACKAGES` if they are not installed
 */
export const loadPackages = async (load = importPackages): Promise<QueuePackages> => {
  try {
    return await load();
  } catch (cause) {
    throw new ApemuError(
      'APEMU_ERR_USAGE_QUEUE_PACKAGES',
      'a queue needs the packages bullmq and ioredis, which come on demand: npm install bullmq ioredis',
      { cause },
    );
  }
};

/** Where a server is, and as whom to connect. */
type Place = Pick<RedisOptions, 'host' | 'port' | 'path' | 'db' | 'username' | 'password' | 'tls'>;

interface Address {
  readonly options: Place;
  readonly name: string;
}

const refuse = (url: string): never => {
  const masked = url.replace(/\/\/.*@/, '//…@');
  throw new ApemuError(
    'APEMU_ERR_USAGE_QUEUE',
    `--queue ${masked} is no address of Redis (${EXPECTED})`,
  );
};

const decoded = (text: string, url: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse(url);
  }
};

const databaseOf = (text: string, url: string): number =>
  /^\d{0,5}$/.test(text) ? Number(text) : refuse(url);

/**
 * The parts of an address. `password` is used if the address has none.
 *
 * @throws ApemuError `APEMU_ERR_USAGE_QUEUE`
 */
export const addressOf = (url: string, password?: string): Address => {
  const given = password === undefined || password === '' ? {} : { password };
  if (/^\.{0,2}\//.test(url)) return { options: { ...given, path: url }, name: url };
  if (!URL.canParse(url)) return refuse(url);
  const parsed = new URL(url);
  const { protocol, hostname, port, pathname, searchParams } = parsed;
  const secret = decoded(parsed.password, url);
  const auth = {
    ...given,
    ...(parsed.username === '' ? {} : { username: decoded(parsed.username, url) }),
    ...(secret === '' ? {} : { password: secret }),
  };
  if (protocol === 'unix:' && pathname !== '') {
    const path = decoded(pathname, url);
    const db = databaseOf(searchParams.get('db') ?? '', url);
    return { options: { ...auth, path, db }, name: `unix:${path}` };
  }
  if (!['redis:', 'rediss:'].includes(protocol) || hostname === '') return refuse(url);
  const options: Place = {
    ...auth,
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? 6379 : Number(port),
    db: databaseOf(pathname.slice(1), url),
    ...(protocol === 'rediss:' ? { tls: {} } : {}),
  };
  return { options, name: `${protocol}//${hostname}:${options.port}/${options.db}` };
};

const reasonOf = (cause: unknown): string => {
  const { code, message = String(cause) } = cause as { code?: string; message?: string };
  if (/WRONGPASS|invalid password|NOAUTH/.test(message))
    return `it refuses the password (${message}); expected redis://[USER]:PASSWORD@HOST, or the variable REDISCLI_AUTH`;
  return code === undefined ? message : `${code} (is redis-server running there?)`;
};

/**
 * Connects to a server, which must be suitable.
 *
 * @throws ApemuError `APEMU_ERR_USAGE_QUEUE` for an address that leads nowhere, `APEMU_ERR_QUEUE_SERVER` for a server that is not
 * suitable
 */
export const connectQueue = async (
  url: string,
  password: string | undefined,
  packages: QueuePackages,
): Promise<QueueConnection> => {
  const { options, name } = addressOf(url, password);
  const warnings = await probe(options, name, packages);
  const client = new packages.Redis({
    ...options,
    connectTimeout: CONNECT_MS,
    // A server that is away for a while must not make commands fail that can be done later.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(RETRY_MS, 50 * times),
  });
  // Errors are reported to whoever waits for a command; see `watchConnection`.
  client.on('error', () => {});
  return { packages, client, name, warnings };
};

/** Looks at the server once. Returns warnings. */
const probe = async (
  options: Place,
  name: string,
  { Redis }: QueuePackages,
): Promise<readonly string[]> => {
  const client = new Redis({
    ...options,
    connectTimeout: CONNECT_MS,
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let failure: unknown;
  client.on('error', (error) => {
    failure ??= error;
  });
  try {
    await client.connect();
    return checkServer(await client.info(), name);
  } catch (cause) {
    if (cause instanceof ApemuError) throw cause;
    throw new ApemuError(
      'APEMU_ERR_USAGE_QUEUE',
      `cannot use the queue at ${name}: ${reasonOf(failure ?? cause)}`,
      { cause },
    );
  } finally {
    client.disconnect();
  }
};

/**
 * Checks what the server says about itself.
 *
 * @returns warnings
 * @throws ApemuError `APEMU_ERR_QUEUE_SERVER`
 */
export const checkServer = (info: string, name: string): readonly string[] => {
  const value = (key: string): string =>
    new RegExp(`^${key}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  const unfit = (what: string): never => {
    throw new ApemuError('APEMU_ERR_QUEUE_SERVER', `the Redis at ${name} ${what}`);
  };
  const version = value('redis_version');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (!(major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])))
    return unfit(`is version ${version || 'unknown'} (expected ${NEEDED.join('.')} or newer)`);
  if (value('role') === 'slave')
    return unfit('is a replica, which takes no writes (expected the address of its master)');
  const policy = value('maxmemory_policy');
  if (policy !== '' && policy !== 'noeviction')
    return unfit(
      `has maxmemory-policy ${policy}: when memory is short it drops jobs and results (expected noeviction: redis-cli config set maxmemory-policy noeviction)`,
    );
  if (value('aof_enabled') === '1') return [];
  return [
    `the Redis at ${name} has no append-only file: what it loses when it ends is done again (redis-cli config set appendonly yes)`,
  ];
};

/** Reports once that the server is away, and once that it is back. Returns a function that ends this. */
export const watchConnection = (
  { client, name }: QueueConnection,
  say: (line: string) => void,
  back: () => void = () => {},
): (() => void) => {
  let away = false;
  const closed = (): void => {
    if (!away) say(`the Redis at ${name} is away; waiting for it`);
    away = true;
  };
  const ready = (): void => {
    if (!away) return;
    away = false;
    say(`the Redis at ${name} is back`);
    back();
  };
  client.on('close', closed).on('ready', ready);
  return () => client.off('close', closed).off('ready', ready);
};
