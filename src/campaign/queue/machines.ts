// SPDX-License-Identifier: Apache-2.0
// The workers of a campaign: what they say about themselves, and how much of what they have done was counted.
import type { Redis } from 'ioredis';
import type { MachineFigures } from '../../fuzz/job.ts';
import { workerKey, workersKey } from './keys.ts';
import { HEARTBEAT, WORKER } from './messages.ts';
import { checked, parse } from './wire.ts';

/** Milliseconds after which a worker that has not reported is gone. */
const BEAT_EXPIRES_MS = 10_000;
/** Number of workers that are listed. A computer has one. */
const WORKERS_MAX = 10_000;
const WINDOW_MS = 10_000;

/** Reports that a worker is there. */
export const beat = async (
  client: Redis,
  campaign: string,
  worker: string,
  threads: number,
): Promise<void> => {
  const key = workerKey(campaign, worker);
  await client
    .multi()
    .set(key, JSON.stringify({ threads }), 'PX', BEAT_EXPIRES_MS)
    .sadd(workersKey(campaign), worker)
    .exec();
};

/** Reports that a worker goes. */
export const leave = async (client: Redis, campaign: string, worker: string): Promise<void> => {
  await client.multi().del(workerKey(campaign, worker)).srem(workersKey(campaign), worker).exec();
};

/** The workers that are there, with their threads. What is not a worker's report is left out. */
export const present = async (
  client: Redis,
  campaign: string,
): Promise<ReadonlyMap<string, number>> => {
  const workers = new Map<string, number>();
  if ((await client.scard(workersKey(campaign))) > WORKERS_MAX) return workers;
  const names = await client.smembers(workersKey(campaign));
  if (names.length === 0) return workers;
  const words = await client.mget(names.map((name) => workerKey(campaign, name)));
  for (const [n, text] of words.entries()) {
    try {
      if (text === null) continue;
      workers.set(checked(names[n], WORKER), parse(text, HEARTBEAT).threads);
    } catch {
      // This is not a worker.
    }
  }
  return workers;
};

interface Counted {
  threads: number;
  jobs: number;
  cases: number;
  alive: boolean;
  /** Number of cases in the last seconds, with their times. */
  readonly recent: { atMs: number; cases: number }[];
}

/** Drops what is older than the last seconds. */
const forgetOld = ({ recent }: Counted): void => {
  const from = performance.now() - WINDOW_MS;
  while (recent.length > 0 && recent[0].atMs < from) recent.shift();
};

/** What each worker has done, by the answers that counted. */
export class MachineCounts {
  readonly #machines = new Map<string, Counted>();

  answered(worker: string, cases: number): void {
    const machine = this.#of(worker);
    machine.jobs++;
    machine.cases += cases;
    machine.recent.push({ atMs: performance.now(), cases });
    forgetOld(machine);
  }

  seen(workers: ReadonlyMap<string, number>): void {
    for (const [name, machine] of this.#machines) machine.alive = workers.has(name);
    for (const [name, threads] of workers) {
      const machine = this.#of(name);
      machine.alive = true;
      machine.threads = threads;
    }
  }

  figures(): MachineFigures[] {
    return [...this.#machines]
      .map(([name, machine]) => {
        forgetOld(machine);
        const { threads, jobs, cases, alive, recent } = machine;
        const sum = recent.reduce((all, one) => all + one.cases, 0);
        const casesPerSecond = Math.round((sum * 1000) / WINDOW_MS);
        return { name, threads, jobs, cases, casesPerSecond, alive };
      })
      .sort((a, b) => Number(b.alive) - Number(a.alive) || b.cases - a.cases);
  }

  #of(name: string): Counted {
    let machine = this.#machines.get(name);
    if (machine === undefined) {
      machine = { threads: 1, jobs: 0, cases: 0, alive: true, recent: [] };
      this.#machines.set(name, machine);
    }
    return machine;
  }
}
