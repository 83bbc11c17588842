// SPDX-License-Identifier: Apache-2.0
// Virtual guests that share real queues, on worker threads and in virtual time: every message is answered once and rightly, guests get the
// same share, and one that floods does not starve another (docs/reference/vfio-ap.md V-05 to V-07, VD-51).
// Needs a built dist: workers load it.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import type { MachineConfig } from '../../src/config/types.ts';
import type { LoadFigures } from '../../src/load/figures.ts';
import { runStepped } from '../../src/load/stepped.ts';
import { answeredOf } from '../../src/load/summary.ts';
import { PooledMachine } from '../../src/vcpu-pool/pooled-machine.ts';

interface GuestShape {
  readonly interrupts?: boolean;
  readonly workload: string;
}

/** Guests behind whose one virtual queue stand two real ones, of cards that work on one request at a time. */
const configOf = (guests: readonly GuestShape[], service: string): MachineConfig => {
  const adapters = [6, 7].map((apid) => `    ${apid}: { mode: loopback, service: { ${service} } }`);
  const entries = guests.map(
    ({ interrupts = false, workload }, n) => `  G${n + 1}:
    memory: 1MiB
    facilities: [12, 15${interrupts ? ', 65' : ''}]
    mdev: { type: virtual, adapters: { ${n}: [6, 7] }, domains: { 0: [4] } }
    program: ap-bus
    workload: { name: loopback, ${workload} }`,
  );
  const text = `apemu: 1
machine:
  usageDomains: [4]
  adapters:
${adapters.join('\n')}
guests:
${entries.join('\n')}
`;
  return parseConfig(text, 'virtual.yaml').config;
};

describe('virtual guests on two workers', () => {
  it.each([
    ['polling', false],
    ['interruptions', true],
  ])('%s: each gets all its replies', async (_name, interrupts) => {
    const messages = 1000;
    const guest = { interrupts, workload: `messages: ${messages}` };
    const config = configOf([guest, guest, guest], 'model: fixed, time: 20us, engines: 2');
    const pool = await PooledMachine.start(config, { workers: 2 });
    const vcpus = (await pool.finished()).flatMap((report) => report.vcpus);
    await pool.close();
    expect(vcpus.map(({ done, failure }) => [done, failure])).toEqual(
      [1, 2, 3].map(() => [true, undefined]),
    );
    expect(vcpus.map((vcpu) => answeredOf(vcpu))).toEqual([messages, messages, messages]);
  });
});

/** Figures of each guest after half a second of virtual time. */
const figures = async (guests: readonly GuestShape[]): Promise<LoadFigures[]> => {
  const config = configOf(guests, 'model: fixed, time: 100us, engines: 1');
  const { guests: rows } = await runStepped(config, {
    durationNs: 500_000_000,
    intervalNs: 100_000_000,
    pause: async () => false,
  });
  return rows.map((row) => row.load as LoadFigures);
};
/** Index of the 99th percentile in LoadFigures.latencyNs. */
const P99 = 3;
const FLOOD: GuestShape = { interrupts: true, workload: 'messages: 1000000' };
const LIGHT: GuestShape = {
  interrupts: true,
  workload: 'messages: 1000000, rate: 500, outstanding: 1',
};

describe('guests that share two cards', () => {
  it.each([2, 8])(
    '%i under equal load get equal shares, together as much as one alone',
    async (count) => {
      const [alone] = await figures([FLOOD]);
      const shared = await figures(Array.from({ length: count }, () => FLOOD));
      const rates = shared.map(({ achieved }) => achieved);
      expect(Math.max(...rates) / Math.min(...rates)).toBeLessThanOrEqual(1.1);
      const sum = rates.reduce((total, rate) => total + rate, 0);
      expect(sum / (alone as LoadFigures).achieved).toBeGreaterThanOrEqual(0.9);
    },
  );

  it('a light one keeps its p99 within three times of what it is alone while another floods', async () => {
    const [alone] = await figures([LIGHT]);
    const [beside, flooding] = await figures([LIGHT, FLOOD]);
    const p99 = (load: LoadFigures | undefined): number => load?.latencyNs[P99] ?? Number.NaN;
    expect(p99(beside) / p99(alone)).toBeLessThanOrEqual(3);
    expect(flooding?.achieved).toBeGreaterThan(10_000);
    expect(beside?.unanswered).toBeLessThanOrEqual(1);
  });
});
