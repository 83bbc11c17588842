// SPDX-License-Identifier: Apache-2.0
// Guests that share cards through virtual mdevs, under load in virtual time: the figures are properties of the model, the same each time.
// Source: docs/virtual.md; docs/reference/vfio-ap.md V-05, VD-51.
import { parseConfig } from '../../src/config/load.ts';
import type { MachineConfig } from '../../src/config/types.ts';
import type { LoadFigures } from '../../src/load/figures.ts';
import { runStepped } from '../../src/load/stepped.ts';

export interface GuestShape {
  readonly interrupts?: boolean;
  /** As in a configuration, without the name. */
  readonly workload: string;
}

/** Sends as much as its queue takes. */
export const FLOOD: GuestShape = { interrupts: true, workload: 'messages: 1000000' };
/** Five hundred messages a second, one at a time. */
export const LIGHT: GuestShape = {
  interrupts: true,
  workload: 'messages: 1000000, rate: 500, outstanding: 1',
};

/** Guests behind whose one virtual queue stands a queue of each of these cards, which work with the service model given. */
export const sharedCards = (
  guests: readonly GuestShape[],
  service: string,
  apids: readonly number[],
): MachineConfig => {
  const adapters = apids.map((apid) => `    ${apid}: { mode: loopback, service: { ${service} } }`);
  const entries = guests.map(
    ({ interrupts = false, workload }, n) => `  G${n + 1}:
    memory: 1MiB
    facilities: [12, 15${interrupts ? ', 65' : ''}]
    mdev: { type: virtual, adapters: { ${n}: [${apids}] }, domains: { 0: [4] } }
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

/** Index of the 99th percentile in `LoadFigures.latencyNs`. */
const P99 = 3;
export const p99Of = (load: LoadFigures | undefined): number => load?.latencyNs[P99] ?? Number.NaN;

/** Figures of each guest on cards of one engine and 100 us, after `durationNs` of virtual time. */
export const figuresOf = async (
  guests: readonly GuestShape[],
  apids: readonly number[],
  durationNs = 500_000_000,
): Promise<LoadFigures[]> => {
  const config = sharedCards(guests, 'model: fixed, time: 100us, engines: 1', apids);
  const { guests: rows } = await runStepped(config, {
    durationNs,
    intervalNs: durationNs / 5,
    pause: async () => false,
  });
  return rows.map((row) => row.load as LoadFigures);
};

export interface Sharing {
  /** Messages a second of all guests together, to those of one alone. */
  readonly throughput: number;
  /** Largest share to smallest. */
  readonly unfairness: number;
}

/** Guests under equal load on these cards. */
export const sharingOf = async (
  guests: number,
  apids: readonly number[],
  durationNs?: number,
): Promise<Sharing> => {
  const [alone] = await figuresOf([FLOOD], apids, durationNs);
  const shared = await figuresOf(
    Array.from({ length: guests }, () => FLOOD),
    apids,
    durationNs,
  );
  const rates = shared.map(({ achieved }) => achieved);
  const sum = rates.reduce((total, rate) => total + rate, 0);
  return {
    throughput: sum / (alone?.achieved ?? Number.NaN),
    unfairness: Math.max(...rates) / Math.min(...rates),
  };
};
