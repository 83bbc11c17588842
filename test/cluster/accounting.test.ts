// SPDX-License-Identifier: Apache-2.0
// A guest with 16 queues and messages in flight migrates at generated moments, back and forth, some migrations cancelled at a generated
// step: every message is answered where it was sent, or lost there and sent again by the driver; none comes twice.
// Source: docs/reference/migration.md section 9 item 6. APEMU_MIGRATIONS=1000 runs a thousand.
import { describe, expect, it } from 'vitest';
import { Q_ALL_FREE, Q_FREE } from '../../native-like/machine/layout.ts';
import { Cluster } from '../../src/cluster/cluster.ts';
import { clusterFromObject } from '../../src/config/load.ts';
import type { ApBusState } from '../../src/guest/ap-bus-driver/state.ts';
import { totalStatistics } from '../../src/guest/ap-bus-driver/total-statistics.ts';
import { builtInProgram } from '../../src/guest/programs.ts';
import { programArgs } from '../../src/host/machine/guest-program.ts';
import type { Machine } from '../../src/host/machine/machine.ts';
import { nextRandom, seedRandom } from '../../src/lpar/random.ts';
import type { TraceRecord } from '../../src/trace/record.ts';
import { twoMachines } from './support.ts';

const COUNT = Number(process.env['APEMU_MIGRATIONS'] ?? 40);
const SERVICE = { service: { time: '1ms', engines: 2 } };
const CARDS = {
  4: { mode: 'accelerator', ...SERVICE },
  5: { mode: 'accelerator', ...SERVICE },
  6: { mode: 'cca', ...SERVICE },
  7: { mode: 'cca', ...SERVICE },
};
const DOMAINS = [1, 2, 3, 4];
const QUEUES = 16;
const MESSAGES = 12;
/** Longest virtual time for everything to end: a request's time-out of the driver is 30 s. */
const LIMIT = '300s';

/** What both machines executed for the guest. */
class Books {
  accepted = 0;
  delivered = 0;

  take = (records: readonly TraceRecord[]): void => {
    for (const { guest, instruction, rc, cc } of records) {
      if (guest !== 'Guest1' || rc !== 0 || cc !== 0) continue;
      if (instruction === 'NQAP') this.accepted++;
      if (instruction === 'DQAP') this.delivered++;
    }
  };
}

const bits = (word: number): number => {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
};

/** Messages in the queues of a machine, answered or not. */
const inQueues = ({ image }: Machine): number => {
  let count = 0;
  for (let n = 1; n < image.queues; n++) {
    const q = image.queueRecord(n);
    count += bits(image.word(q + Q_ALL_FREE) & ~image.word(q + Q_FREE));
  }
  return count;
};

class Numbers {
  #state: number;

  constructor(seed: number) {
    this.#state = seedRandom(seed, 0x3161);
  }

  below(limit: number): number {
    this.#state = nextRandom(this.#state);
    return (this.#state >>> 0) % limit;
  }
}

/** One run; what was seen. */
const migrateAtRandom = async (seed: number) => {
  const books = new Books();
  const config = clusterFromObject(
    twoMachines({
      cards: CARDS,
      domains: DOMAINS,
      guest: { memory: '2MiB', workload: { name: 'mixed', messages: MESSAGES } },
    }),
  ).config;
  const cluster = await Cluster.create(config, { onTrace: books.take });
  try {
    const random = new Numbers(seed);
    const a = cluster.machine('A');
    const driver = builtInProgram('ap-bus');
    if (driver === undefined) throw new RangeError('no reference driver');
    a.start('Guest1', 0, driver, programArgs(a.config, a.guest('Guest1').config));
    const state = (): ApBusState => {
      const { programs } = cluster.place('Guest1').machine.stepper;
      return programs[0]?.state as ApBusState;
    };
    const wanted = random.below(QUEUES * MESSAGES);
    cluster.runUntil(() => totalStatistics(state()).sent > wanted, LIMIT);
    let lostInQueues = 0;
    const outcomes: string[] = [];
    for (let left = 1 + random.below(4); left > 0; left--) {
      const from = cluster.whereIs('Guest1');
      const cancelAt = random.below(3) === 0 ? random.below(12) : -1;
      let step = 0;
      const { outcome } = cluster.migrate('Guest1', from === 'A' ? 'B' : 'A', {
        chunkBytes: 16 + random.below(400),
        downtimeNs: random.below(3) * 7_000_000,
        onStep: (what) => {
          if (step++ === cancelAt) cluster.cancel('Guest1');
          if (what === 'destination RUNNING') lostInQueues += inQueues(cluster.machine(from));
        },
      });
      outcomes.push(outcome);
      cluster.advance(random.below(40) * 1_000_000, true);
    }
    const ended = (): boolean => cluster.place('Guest1').machine.stepper.programs[0]?.done === true;
    cluster.runUntil(ended, LIMIT);
    for (const machine of cluster.machines.values()) machine.trace?.flush();
    return { statistics: totalStatistics(state()), books, lostInQueues, outcomes };
  } finally {
    cluster.close();
  }
};

describe('messages of a guest that migrates', () => {
  it(`are accounted for in each of ${COUNT} generated orders`, { timeout: 7_200_000 }, async () => {
    const seen = { ok: 0, ECANCELED: 0, lost: 0, resent: 0 };
    for (let seed = 1; seed <= COUNT; seed++) {
      const { statistics, books, lostInQueues, outcomes } = await migrateAtRandom(seed);
      const { accepted, delivered } = books;
      const where = `seed ${seed} (APEMU_MIGRATIONS runs seeds 1 to that number)`;
      expect(statistics, where).toMatchObject({
        answered: QUEUES * MESSAGES,
        wrong: 0,
        unmatched: 0,
        refused: 0,
        flushed: 0,
      });
      expect({ sent: statistics.sent, answered: statistics.answered }, where).toEqual({
        sent: accepted,
        answered: delivered,
      });
      // What the source had when it was closed is what nobody got, and what the driver sent once more.
      expect(accepted - delivered, where).toBe(lostInQueues);
      expect(statistics.resent, where).toBe(lostInQueues);
      for (const outcome of outcomes) if (outcome in seen) seen[outcome as 'ok']++;
      seen.lost += lostInQueues;
      seen.resent += statistics.resent;
    }
    expect(seen.ok).toBeGreaterThan(COUNT / 2);
    expect(seen.ECANCELED).toBeGreaterThan(0);
    expect(seen.lost).toBeGreaterThan(COUNT);
  });
});
