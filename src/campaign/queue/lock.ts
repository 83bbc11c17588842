// SPDX-License-Identifier: Apache-2.0
// One coordinator at a time: a key with its owner that goes away unless it is renewed.
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { ApemuError } from '../../errors.ts';
import { COORDINATOR_KEY } from './keys.ts';

/** The key of a coordinator that has died is gone after so long. */
const LOCK_EXPIRES_MS = 10_000;
const RENEW_MS = 2_500;
const CLAIM_MS = 250;
const OWNER_SHOWN = 80;

/** Renews the key of this owner; 0: it is another's, or nobody's. */
const RENEW = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0`;
const RELEASE = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`;

export class CoordinatorLock {
  readonly #client: Redis;
  readonly #owner = `${hostname()} process ${process.pid} (${randomUUID()})`;
  #renewal: NodeJS.Timeout | undefined;

  private constructor(client: Redis) {
    this.#client = client;
  }

  /**
   * Takes the lock. One whose owner has died is waited for.
   * @throws ApemuError `APEMU_ERR_QUEUE_COORDINATOR` where a living coordinator has it
   */
  static async take(client: Redis, signal: AbortSignal): Promise<CoordinatorLock> {
    const lock = new CoordinatorLock(client);
    let left = Number.POSITIVE_INFINITY;
    while (!(await lock.#claim())) {
      const [owner, expires] = await Promise.all([
        client.get(COORDINATOR_KEY),
        client.pttl(COORDINATOR_KEY),
      ]);
      // Somebody has renewed it: a dead one's time only gets shorter.
      if (owner !== null && (expires > left || expires === -1)) throw taken(owner);
      if (owner !== null) left = expires;
      await wait(CLAIM_MS, undefined, { signal });
    }
    return lock;
  }

  /** Renews the lock until it is released; `lost` is called once when it has become another's. `each`: after each renewal. */
  keep(lost: (error: ApemuError) => void, each: () => Promise<void>): void {
    this.#renewal = setInterval(async () => {
      try {
        if (await this.#renew()) await each();
        else {
          clearInterval(this.#renewal);
          lost(taken((await this.#client.get(COORDINATOR_KEY)) ?? 'nobody'));
        }
      } catch {
        // Redis is away; it is tried again.
      }
    }, RENEW_MS);
  }

  /** Whether it is still this owner's. */
  async held(): Promise<boolean> {
    return (await this.#client.get(COORDINATOR_KEY)) === this.#owner;
  }

  async release(): Promise<void> {
    await this.#client.eval(RELEASE, 1, COORDINATOR_KEY, this.#owner);
  }

  /** No more renewals, whatever becomes of the key. */
  drop(): void {
    clearInterval(this.#renewal);
  }

  async #claim(): Promise<boolean> {
    return (
      (await this.#client.set(COORDINATOR_KEY, this.#owner, 'PX', LOCK_EXPIRES_MS, 'NX')) === 'OK'
    );
  }

  /** A Redis that has lost it, or was away for long, is told again. */
  async #renew(): Promise<boolean> {
    const renewed = await this.#client.eval(
      RENEW,
      1,
      COORDINATOR_KEY,
      this.#owner,
      LOCK_EXPIRES_MS,
    );
    return renewed === 1 || (await this.#claim());
  }
}

const taken = (owner: string): ApemuError =>
  new ApemuError(
    'APEMU_ERR_QUEUE_COORDINATOR',
    `another coordinator has this queue: ${owner.slice(0, OWNER_SHOWN)} (expected one campaign for each database; redis://HOST/1 is another one)`,
  );
