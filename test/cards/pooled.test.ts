// SPDX-License-Identifier: Apache-2.0
// Injected replies and boundaries on worker threads: the same faults, one count for the whole machine. Needs a built dist.
import { describe, expect, it } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import { summarise } from '../../src/load/summary.ts';
import { PooledMachine } from '../../src/vcpu-pool/pooled-machine.ts';

const MESSAGES = 300;
const QUEUES = 2;

const config = (faults: readonly Readonly<Record<string, unknown>>[], workload = 'rng') => {
  const program = { program: 'ap-bus', workload: { name: workload, messages: MESSAGES } };
  return configFromObject({
    machine: {
      adapters: { 5: { mode: 'cca' }, 9: { mode: 'cca' } },
      usageDomains: [4, 7],
      controlDomains: [4],
    },
    guests: {
      A: { mdev: { adapters: [5, 9], domains: [4] }, ...program },
      B: { mdev: { adapters: [5, 9], domains: [7] }, ...program },
    },
    faults,
  }).config;
};

/** Runs both guests on a worker each; counts of messages by guest. */
const run = async (
  source: ReturnType<typeof config>,
  during: (pool: PooledMachine) => void = () => {},
): Promise<Record<string, { answered: number; wrong: number }>> => {
  const pool = await PooledMachine.start(source, { workers: 2 });
  try {
    during(pool);
    const reports = (await pool.finished()).flatMap((report) =>
      report.vcpus.map((vcpu) => summarise(vcpu, source)),
    );
    expect(reports.map((report) => report.failure)).toEqual([undefined, undefined]);
    return Object.fromEntries(
      reports.map(({ guest, messages }) => [
        guest,
        { answered: messages?.['answered'] ?? 0, wrong: messages?.['wrong'] ?? 0 },
      ]),
    );
  } finally {
    await pool.close();
  }
};

const all = QUEUES * MESSAGES;

describe('on two workers', () => {
  it('a reply fault of a guest strikes as often as it says, and nobody else', async () => {
    const faults = [{ guest: 'A', reply: '82/10', function: 'RL', count: 7 }];
    expect(await run(config(faults))).toEqual({
      A: { answered: all - 7, wrong: 7 },
      B: { answered: all, wrong: 0 },
    });
  });

  it('each guest has its own faults, for the function they name', async () => {
    const faults = [
      { apqn: '05.0004', reply: 'cca/8/2290', function: 'RL', count: 3 },
      { apqn: '09.0004', reply: 'cca/8/2290', function: 'PD' },
      { apqn: '09.0007', reply: 'shape/version/3', count: 4 },
    ];
    expect(await run(config(faults))).toEqual({
      A: { answered: all - 3, wrong: 3 },
      B: { answered: all - 4, wrong: 4 },
    });
  });

  it('a fault declared while guests run reaches their workers', async () => {
    const result = await run(config([]), ({ machine }) =>
      machine.fault({ guest: 'B', reply: '82/22', count: 5 }),
    );
    expect(result).toEqual({
      A: { answered: all, wrong: 0 },
      B: { answered: all - 5, wrong: 5 },
    });
  });

  it('boundaries stop NQAP and DQAP, and every message arrives whole', async () => {
    const faults = ['nqap', 'dqap'].map((on) => ({ guest: 'A', on, cc: 2, every: 128 }));
    expect(await run(config(faults, 'mixed'))).toEqual({
      A: { answered: all, wrong: 0 },
      B: { answered: all, wrong: 0 },
    });
  });
});
