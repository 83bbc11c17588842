// SPDX-License-Identifier: Apache-2.0
// Makes sure that there is one coordinator at a time, by a key that names its owner and expires unless it is renewed.
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { ApemuError } from '../../errors.ts';
import { COORDINATOR_KEY } from './keys.ts';

/** Milliseconds after which the key of a coordinator that has died is gone. */
const LOCK_EXPIRES_MS = 10_000;
const RENEW_MS = 2_500;
const CLAIM_MS = 250;
const OWNER_SHOWN = 80;

/** Renews the key if it belongs to this owner; else returns 0. */
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
   * Takes the lock. If its owner has died, waits until it expires.
   *
   * @throws ApemuError `APEMU_ERR_QUEUE_COORDINATOR` if a living coordinator has it
   */
  static async take(client: Redis, signal: AbortSignal): Promise<CoordinatorLock> {
    const lock = new CoordinatorLock(client);
    let left = Number.POSITIVE_INFINITY;
    while (!(await lock.#claim())) {
      const [owner, expires] = await Promise.all([
        client.get(COORDINATOR_KEY),
        client.pttl(COORDINATOR_KEY),
      ]);
      // Somebody has renewed it, since the time of a dead owner's key only gets shorter.
      if (owner !== null && (expires > left || expires === -1)) throw taken(owner);
      if (owner !== null) left = expires;
      await wait(CLAIM_MS, undefined, { signal });
    }
    return lock;
  }

  /** Renews the lock until it is released. `lost` is called once, when it has become another's; `each` after each renewal. */
  keep(lost: (error: ApemuError) => void, each: () => Promise<void>): void {
    this.#renewal = setInterval(async () => {
      try {
        if (await this.#renew()) await each();
        else {
          clearInterval(this.#renewal);
          lost(taken((await this.#client.get(COORDINATOR_KEY)) ?? 'nobody'));
        }
      } catch {
        // Redis is away; this is tried again.
      }
    }, RENEW_MS);
  }

  /** Whether the lock still belongs to this owner. */
  async held(): Promise<boolean> {
    return (await this.#client.get(COORDINATOR_KEY)) === this.#owner;
  }

  async release(): Promise<void> {
    await this.#client.eval(RELEASE, 1, COORDINATOR_KEY, this.#owner);
  }

  /** Ends the renewals, whatever becomes of the key. */
  drop(): void {
    clearInterval(this.#renewal);
  }

  async #claim(): Promise<boolean> {
    return (
      (await this.#client.set(COORDINATOR_KEY, this.#owner, 'PX', LOCK_EXPIRES_MS, 'NX')) === 'OK'
    );
  }

  /** Renews the key. If Redis has lost it or was away for long, it is set anew. */
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
