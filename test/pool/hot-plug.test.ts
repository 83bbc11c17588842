// SPDX-License-Identifier: Apache-2.0
// Masks that change under running vCPUs: nothing reaches a queue that was taken away, and every message is accounted for.
// The long run is `apemu run examples/hot-plug.yaml --hot-plug`.
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadConfigFile } from '../../src/config/load.ts';
import type { MachineConfig } from '../../src/config/types.ts';
import { E_ACCEPTED, ExchangeQueues } from '../../src/guest/built-in/exchange-queue.ts';
import { accountFor, hotPlug } from '../../src/vcpu-pool/hot-plug.ts';
import { PooledMachine } from '../../src/vcpu-pool/pooled-machine.ts';
import { apemu } from '../cli/fake-io.ts';
import { pooledConfig } from './bench.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/hot-plug.yaml', import.meta.url));
/** Times a host that does not zeroize is watched for half a second. */
const ROUNDS = 40;
const queues = { queues: [0x0101, 0x0201] };

/** Starts a machine on two threads, which a busy computer takes a second for, so that masks change under guests that run. */
const begun = async (config: MachineConfig): Promise<PooledMachine> => {
  const pool = await PooledMachine.start(config, { workers: 2 });
  await pool.begun(() => false);
  return pool;
};

describe('hot plug and unplug while vCPUs run', () => {
  it.each([
    [
      '8 guests of 2 vCPUs, two workers (examples/hot-plug.yaml)',
      () => loadConfigFile(EXAMPLE).config,
    ],
    [
      'one guest spread over two workers',
      () => pooledConfig([{ spread: true, args: { messages: -1, ...queues } }]),
    ],
    [
      'one guest spread over two workers that polls',
      () => pooledConfig([{ spread: true, args: { messages: -1, interrupts: false, ...queues } }]),
    ],
  ])('%s: no violation, all messages answered, flushed or refused', async (_what, config) => {
    const pool = await begun(config());
    const plugged = await hotPlug(pool, { durationMs: 3_000, intervalMs: 25 });
    pool.stop();
    const accounts = accountFor(pool, await pool.finished());
    await pool.close();
    expect([...plugged.violations, ...accounts.violations]).toEqual([]);
    expect(plugged.unplugs).toBeGreaterThan(5);
    expect(accounts.answered).toBeGreaterThan(1_000);
    expect(accounts.refused).toBeGreaterThan(0);
  });

  it('a host that does not zeroize is found out, and so are replies nobody was woken for', async () => {
    const pool = await begun(loadConfigFile(EXAMPLE).config);
    pool.machine.host.bus.partition.zapq = () => 0;
    // A queue that leaves must have messages: on a busy computer a guest may have sent none when it does, and the next time it has.
    const found: string[] = [];
    for (let round = 0; round < ROUNDS && found.length === 0; round++)
      found.push(...(await hotPlug(pool, { durationMs: 500, intervalMs: 20 })).violations);
    pool.stop();
    const reports = await pool.finished();
    for (const { state } of reports.flatMap(({ vcpus }) => vcpus))
      (state as { lostWakeups: number }).lostWakeups = 1;
    const accounts = accountFor(pool, reports);
    await pool.close();
    expect(found.join('\n')).toContain('was not zeroized when it left its guest');
    expect(accounts.violations).toContain('Guest1: 1 lost wake-ups');
  });

  it('the books of a guest are not judged when one of its threads has died, maybe in the middle of an entry', async () => {
    const config = pooledConfig([{ spread: true, args: { messages: -1, ...queues } }]);
    const pool = await begun(config);
    await hotPlug(pool, { durationMs: 100, intervalMs: 20 });
    await pool.kill(2);
    pool.stop();
    const reports = await pool.finished();
    for (const { state, guestName } of reports.flatMap(({ vcpus }) => vcpus)) {
      const { apqns } = state as { apqns: number[] };
      new ExchangeQueues(pool.machine.guest(guestName).storage, apqns).add(0, E_ACCEPTED, 1);
    }
    const accounts = accountFor(pool, reports);
    await pool.close();
    expect(reports.length).toBeGreaterThan(0);
    expect(accounts.violations).toEqual([]);
  });

  it('is an option of apemu run, with its accounts in the text and in a record of its own', async () => {
    const run = ['run', EXAMPLE, '--hot-plug', '20ms', '--duration', '600ms'];
    const text = await apemu(run);
    expect(text.output).toMatch(/hot plug +\d+ adapters taken, \d+ given back/);
    expect(text.output).toMatch(/violations none/);
    const { code, output } = await apemu([...run, '--json']);
    const lines = output.trimEnd().split('\n');
    const record = lines.map((line) => JSON.parse(line)).find((one) => one.record === 'hot-plug');
    const { accepted, answered, flushed, inFlight, unplugs, violations } = record;
    expect([code, violations]).toEqual([0, []]);
    expect(accepted).toBe(answered + flushed + inFlight);
    expect(unplugs).toBeGreaterThan(0);
  });
});
