// SPDX-License-Identifier: Apache-2.0
// Pooled machines for tests: guests with the exchange program, and sums over what their vCPUs report.
import { setTimeout as sleep } from 'node:timers/promises';
import { configFromObject } from '../../src/config/load.ts';
import type { ExchangeState } from '../../src/guest/built-in/exchange.ts';
import { PooledMachine, type PoolOptions } from '../../src/vcpu-pool/pooled-machine.ts';
import type { VcpuReport, WorkerReport } from '../../src/vcpu-pool/task.ts';

/** Longest a run may take before it counts as hung: a wait without an end is what these tests look for. */
const PATIENCE_MS = 90_000;

export interface GuestOptions {
  readonly vcpus?: number;
  readonly spread?: boolean;
  readonly program?: string;
  readonly args?: Record<string, unknown>;
}

/** Guests G1, G2 …, each with domain n of loopback adapters 1 and 2. */
export const pooledConfig = (
  guests: readonly GuestOptions[],
  machine: Record<string, unknown> = {},
) =>
  configFromObject({
    apemu: 1,
    machine: {
      profile: 'z16',
      adapters: {
        1: { type: 'CEX8', mode: 'loopback' },
        2: { type: 'CEX8', mode: 'loopback' },
      },
      usageDomains: guests.map((_guest, n) => n + 1),
      controlDomains: [1],
      ...machine,
    },
    guests: Object.fromEntries(
      guests.map((guest, n) => [
        `G${n + 1}`,
        {
          vcpus: guest.vcpus ?? 2,
          memory: '256KiB',
          mdev: { adapters: [1, 2], domains: [n + 1] },
          spread: guest.spread ?? false,
          program: guest.program ?? 'exchange',
          args: { everyVcpu: true, ...guest.args },
        },
      ]),
    ),
  }).config;

export const startPool = (
  guests: readonly GuestOptions[],
  options: PoolOptions = {},
  machine: Record<string, unknown> = {},
): Promise<PooledMachine> => PooledMachine.start(pooledConfig(guests, machine), options);

/** Waits for the programs' ends. A machine that does not end in time is stopped, and its reports say where it stands. */
export const finish = async (pool: PooledMachine): Promise<WorkerReport[]> => {
  const ended = pool.finished();
  const hung = sleep(PATIENCE_MS, 'hung', { ref: false });
  if ((await Promise.race([ended, hung])) === 'hung') pool.stop();
  return ended;
};

export const vcpusOf = (reports: readonly WorkerReport[]): VcpuReport[] =>
  reports.flatMap((report) => [...report.vcpus]);

const stateOf = (report: VcpuReport): ExchangeState => report.state as ExchangeState;

/** Sums over a guest's queues (as its last vCPU saw them) and vCPUs. */
export const sums = (reports: readonly WorkerReport[], guest: string) => {
  const states = vcpusOf(reports)
    .filter((report) => report.guestName === guest)
    .map(stateOf);
  const total = (key: 'interruptions' | 'quiet' | 'lostWakeups' | 'setUps'): number =>
    states.reduce((sum, state) => sum + state[key], 0);
  return {
    interruptions: total('interruptions'),
    quiet: total('quiet'),
    lostWakeups: total('lostWakeups'),
    setUps: total('setUps'),
  };
};

/** Counts of a guest's queues in its storage, when its vCPUs stand still: the words of src/guest/built-in/exchange-queue.ts. */
export const queueCounts = (pool: PooledMachine, guest: string, queues = 2) => {
  const { storage } = pool.machine.guest(guest);
  const words = new Int32Array(storage.buffer, storage.byteOffset + 0x8000, 64 * queues);
  return Array.from({ length: queues }, (_, n) => {
    const [accepted, answered, flushed, refused, spurious, inFlight] = words.subarray(
      n * 64 + 3,
      n * 64 + 9,
    );
    return { accepted, answered, flushed, refused, spurious, inFlight } as Record<string, number>;
  });
};
