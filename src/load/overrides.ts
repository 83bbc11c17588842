// SPDX-License-Identifier: Apache-2.0
// The load of a configuration, changed from the command line: what is sent, how fast, to which queues.
// Source: docs/design.md section 5 (`workload`); ranges as in src/config/schema.ts.

import { DEPTH_MAX, MESSAGE_BYTES_MAX } from '../../native-like/arch/limits.ts';
import { canRun, WORKLOAD_NAMES, type WorkloadName } from '../cex/messages/workloads.ts';
import { adaptersOf, domainsOf } from '../config/guest-view.ts';
import type { AdapterMode, GuestConfig, MachineConfig, WorkloadConfig } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import { programArgs } from '../host/machine/guest-program.ts';

/** The guest program a load is made with. */
const LOAD_PROGRAM = 'ap-bus';

/** Names a workload can have. */
export const LOAD_WORKLOADS: readonly string[] = ['loopback', ...WORKLOAD_NAMES];

/** Ranges of the numbers below. */
export const OUTSTANDING_MAX = DEPTH_MAX;
export const LENGTH_MAX = MESSAGE_BYTES_MAX;
export const MESSAGES_MAX = 0x7fffffff;

/** As many messages as the time allows. */
export const ENDLESS = -1;

/** Differences from the configuration's workloads; what is left out stays. */
export interface LoadOverrides {
  readonly workload?: string;
  /** Messages a queue, or ENDLESS. */
  readonly messages?: number;
  /** Messages a second, each guest; 0: closed loop. */
  readonly rate?: number;
  /** The same for single guests, by name. */
  readonly guestRates?: ReadonlyMap<string, number>;
  readonly arrivals?: 'fixed' | 'poisson';
  readonly outstanding?: number;
  readonly length?: { readonly min: number; readonly max: number };
  /** Queues of each guest the workload runs on; the first ones, adapters taking turns. */
  readonly queues?: number;
}

const isLoaded = (guest: GuestConfig): boolean => guest.program === LOAD_PROGRAM;

/** Guests that make a load. */
export const loadedGuests = (config: MachineConfig): readonly GuestConfig[] =>
  config.guests.filter(isLoaded);

const modesOf = (config: MachineConfig, guest: GuestConfig): AdapterMode[] =>
  adaptersOf(config, guest).map(({ mode }) => mode);

const suits = (workload: string, mode: AdapterMode): boolean => {
  if (workload === 'loopback' || mode === 'loopback') return workload === mode;
  return canRun(workload as WorkloadName, mode);
};

/** The workload a guest has without one of its own: the one its adapters can do. */
const workloadName = (config: MachineConfig, guest: GuestConfig): string => {
  const { workload } = programArgs(config, { ...guest, args: {} });
  return typeof workload === 'string' ? workload : (workload as WorkloadConfig).name;
};

/** What the configuration leaves out. Source: src/config/normalise.ts. */
const baseWorkload = (config: MachineConfig, guest: GuestConfig): WorkloadConfig =>
  guest.workload ?? {
    name: workloadName(config, guest),
    messages: 1000,
    minLength: 64,
    maxLength: 64,
    ratePerSecond: undefined,
    arrivals: 'fixed',
    outstanding: undefined,
  };

const overrideWorkload = (
  base: WorkloadConfig,
  guest: GuestConfig,
  overrides: LoadOverrides,
): WorkloadConfig => {
  const rate = overrides.guestRates?.get(guest.name) ?? overrides.rate ?? base.ratePerSecond;
  return {
    name: overrides.workload ?? base.name,
    messages: overrides.messages ?? base.messages,
    minLength: overrides.length?.min ?? base.minLength,
    maxLength: overrides.length?.max ?? base.maxLength,
    ratePerSecond: rate === 0 ? undefined : rate,
    arrivals: overrides.arrivals ?? base.arrivals,
    outstanding: overrides.outstanding ?? base.outstanding,
  };
};

/** APQNs of a guest that exist, in the order a workload takes them: domain by domain, adapters taking turns. */
const queuesOf = (config: MachineConfig, guest: GuestConfig): number[] => {
  const adapters = adaptersOf(config, guest);
  return domainsOf(config, guest).flatMap((apqi) => adapters.map(({ apid }) => (apid << 8) | apqi));
};

/** Queues of a guest whose adapter can run its workload. */
const suitableQueues = (config: MachineConfig, guest: GuestConfig, workload: string): number[] => {
  const able = new Set(
    adaptersOf(config, guest)
      .filter(({ mode }) => suits(workload, mode))
      .map(({ apid }) => apid),
  );
  return queuesOf(config, guest).filter((apqn) => able.has(apqn >>> 8));
};

/** Most queues `overrides.queues` can ask for: those that every loaded guest has for its workload. */
export const mostQueues = (config: MachineConfig): number =>
  Math.min(
    ...loadedGuests(config).map(
      (guest) => suitableQueues(config, guest, baseWorkload(config, guest).name).length,
    ),
  );

const usage = (what: string, message: string): ApemuError =>
  new ApemuError(`APEMU_ERR_USAGE_${what}`, message);

/** Guests draw different arrivals and messages from one seed. */
const guestSeed = (seed: number, number: number): number =>
  (Math.imul(seed, 0x9e3779b1) + Math.imul(number, 0x85ebca6b)) >>> 0;

const checkOverrides = (config: MachineConfig, overrides: LoadOverrides): void => {
  const guests = loadedGuests(config);
  if (guests.length === 0 && Object.values(overrides).some((value) => value !== undefined))
    throw usage('LOAD', `no guest runs the program ${LOAD_PROGRAM}, so there is no load to change`);
  for (const name of overrides.guestRates?.keys() ?? []) {
    if (guests.some((guest) => guest.name === name)) continue;
    const names = guests.map((guest) => guest.name).join(', ');
    throw usage('RATE', `--rate names the guest ${name} (expected one of ${names})`);
  }
  const { workload } = overrides;
  if (workload === undefined) return;
  const modes = guests.flatMap((guest) => modesOf(config, guest));
  if (modes.some((mode) => suits(workload, mode))) return;
  const kinds = [...new Set(modes)].join(', ') || 'none';
  throw usage('WORKLOAD', `no guest has an adapter that can run ${workload} (modes: ${kinds})`);
};

/**
 * The configuration with the load that `overrides` and `seed` ask for.
 * @throws ApemuError `APEMU_ERR_USAGE_…` where they do not fit the configuration.
 */
export const withLoad = (
  config: MachineConfig,
  overrides: LoadOverrides,
  seed: number = config.machine.seed,
): MachineConfig => {
  checkOverrides(config, overrides);
  const guests = config.guests.map((guest, index) => {
    if (!isLoaded(guest)) return guest;
    const workload = overrideWorkload(baseWorkload(config, guest), guest, overrides);
    const args: Record<string, unknown> = { seed: guestSeed(seed, index + 1), ...guest.args };
    if (overrides.queues !== undefined) args['queues'] = chosen(config, guest, workload, overrides);
    return { ...guest, workload, args };
  });
  return { ...config, guests };
};

const chosen = (
  config: MachineConfig,
  guest: GuestConfig,
  workload: WorkloadConfig,
  { queues = 0 }: LoadOverrides,
): number[] => {
  const all = suitableQueues(config, guest, workload.name);
  if (queues >= 1 && queues <= all.length) return all.slice(0, queues);
  throw usage(
    'SWEEP',
    `${queues} queues are wanted, guest ${guest.name} has ${all.length} for ${workload.name}`,
  );
};

/** Guests of `config` whose queues cannot run their workload: they send nothing. */
export const idleGuests = (config: MachineConfig): string[] =>
  loadedGuests(config).flatMap((guest) => {
    const name = baseWorkload(config, guest).name;
    return suitableQueues(config, guest, name).length === 0 ? [`${guest.name} (${name})`] : [];
  });
