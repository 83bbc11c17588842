// SPDX-License-Identifier: Apache-2.0
// Changes the load of a configuration as the command line asks: what is sent, how fast, and to which queues.
// Source: docs/design.md section 5 (`workload`); ranges as in src/config/schema.ts.

import { DEPTH_MAX, MESSAGE_BYTES_MAX } from '../../native-like/arch/limits.ts';
import { ENGINES_MAX } from '../../native-like/machine/layout.ts';
import { canRun, WORKLOAD_NAMES, type WorkloadName } from '../cex/messages/workloads.ts';
import { adaptersOf, domainsOf } from '../config/guest-view.ts';
import type {
  AdapterConfig,
  AdapterMode,
  GuestConfig,
  MachineConfig,
  WorkloadConfig,
} from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import { programArgs } from '../host/machine/guest-program.ts';
import type { ArrivalTimes } from './arrival-file.ts';
import type { Resource } from './sweep-plan.ts';

/** The guest program that makes a load. */
const LOAD_PROGRAM = 'ap-bus';

/** Names that a workload can have. */
export const LOAD_WORKLOADS: readonly string[] = ['loopback', ...WORKLOAD_NAMES];

/** Highest values of the numbers below. */
export const OUTSTANDING_MAX = DEPTH_MAX;
export const LENGTH_MAX = MESSAGE_BYTES_MAX;
export const MESSAGES_MAX = 0x7fffffff;

/** Number of messages that stands for "as many as the time allows". */
export const ENDLESS = -1;

/** How the workloads are to differ from the configuration's. What is left out stays as it is. */
export interface LoadOverrides {
  readonly workload?: string;
  /** Messages for each queue, or ENDLESS. */
  readonly messages?: number;
  /** Messages a second for each guest; 0: closed loop. */
  readonly rate?: number;
  /** Messages a second for single guests, by name. */
  readonly guestRates?: ReadonlyMap<string, number>;
  readonly arrivals?: 'fixed' | 'poisson';
  /** Times at which messages arrive, in place of a rate. */
  readonly arrivalTimes?: ArrivalTimes;
  readonly outstanding?: number;
  readonly length?: { readonly min: number; readonly max: number };
  /** How many queues of each guest the workload runs on: the first ones, with the adapters taking turns. */
  readonly queues?: number;
  /** How many adapters of each guest the workload runs on: all queues of the first ones. */
  readonly adapters?: number;
  /** How many messages a queue of any adapter holds. */
  readonly depth?: number;
  /** How many requests any adapter works on at a time. */
  readonly engines?: number;
}

const isLoaded = (guest: GuestConfig): boolean => guest.program === LOAD_PROGRAM;

/** The guests that make a load. */
export const loadedGuests = (config: MachineConfig): readonly GuestConfig[] =>
  config.guests.filter(isLoaded);

const modesOf = (config: MachineConfig, guest: GuestConfig): AdapterMode[] =>
  adaptersOf(config, guest).map(({ mode }) => mode);

const suits = (workload: string, mode: AdapterMode): boolean => {
  if (workload === 'loopback' || mode === 'loopback') return workload === mode;
  return canRun(workload as WorkloadName, mode);
};

/** The workload of a guest for which the configuration names none: one that its adapters can do. */
const workloadName = (config: MachineConfig, guest: GuestConfig): string => {
  const { workload } = programArgs(config, { ...guest, args: {} });
  return typeof workload === 'string' ? workload : (workload as WorkloadConfig).name;
};

/** The workload of a guest, with what the configuration leaves out. Source: src/config/normalise.ts. */
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

const usage = (what: string, message: string): ApemuError =>
  new ApemuError(`APEMU_ERR_USAGE_${what}`, message);

/** The times at which a guest's messages arrive; undefined if they arrive at a rate. */
const timesFor = ({ arrivalTimes }: LoadOverrides, guest: string): readonly number[] | undefined =>
  arrivalTimes?.guests.get(guest) ?? arrivalTimes?.all;

const overrideWorkload = (
  base: WorkloadConfig,
  guest: GuestConfig,
  overrides: LoadOverrides,
): WorkloadConfig => {
  const times = timesFor(overrides, guest.name);
  const asked = overrides.guestRates?.get(guest.name) ?? overrides.rate;
  if (times !== undefined && asked !== undefined)
    throw usage('ARRIVALS', `guest ${guest.name} has a rate and a file of arrivals (expected one)`);
  const rate = times === undefined ? (asked ?? base.ratePerSecond) : 0;
  const messages = times === undefined ? base.messages : ENDLESS;
  return {
    name: overrides.workload ?? base.name,
    messages: overrides.messages ?? messages,
    minLength: overrides.length?.min ?? base.minLength,
    maxLength: overrides.length?.max ?? base.maxLength,
    ratePerSecond: rate === 0 ? undefined : rate,
    arrivals: overrides.arrivals ?? base.arrivals,
    outstanding: overrides.outstanding ?? base.outstanding,
    ...(times === undefined ? {} : { arrivalTimesNs: times }),
  };
};

/** APQNs of a guest that exist, in the order in which a workload uses them: domain by domain, with the adapters taking turns. */
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

const apidsOf = (queues: readonly number[]): number[] => [
  ...new Set(queues.map((apqn) => apqn >>> 8)),
];

/** The most of a resource that every loaded guest has for its workload. For depth and engines it is what the configuration has. */
export const mostOf = (config: MachineConfig, what: Resource): number => {
  const adapters = [...config.machine.adapters.values()];
  if (what === 'depth') return Math.max(...adapters.map(({ depth }) => depth));
  if (what === 'engines') return Math.max(...adapters.map(({ service }) => service.engines));
  const all = loadedGuests(config).map((guest) =>
    suitableQueues(config, guest, baseWorkload(config, guest).name),
  );
  return Math.min(...all.map((queues) => (what === 'queues' ? queues : apidsOf(queues)).length));
};

/** Seed of a guest, so that guests draw different arrivals and messages from one seed. */
const guestSeed = (seed: number, number: number): number =>
  (Math.imul(seed, 0x9e3779b1) + Math.imul(number, 0x85ebca6b)) >>> 0;

/** Checks that the guests named in options exist. */
const checkNames = (
  option: string,
  named: ReadonlyMap<string, unknown> | undefined,
  guests: readonly GuestConfig[],
): void => {
  for (const name of named?.keys() ?? []) {
    if (guests.some((guest) => guest.name === name)) continue;
    const names = guests.map((guest) => guest.name).join(', ');
    throw usage(
      option.toUpperCase(),
      `--${option} names the guest ${name} (expected one of ${names})`,
    );
  }
};

const checkOverrides = (config: MachineConfig, overrides: LoadOverrides): void => {
  const guests = loadedGuests(config);
  if (guests.length === 0 && Object.values(overrides).some((value) => value !== undefined))
    throw usage('LOAD', `no guest runs the program ${LOAD_PROGRAM}, so there is no load to change`);
  checkNames('rate', overrides.guestRates, guests);
  checkNames('arrivals', overrides.arrivalTimes?.guests, guests);
  const { workload } = overrides;
  if (workload === undefined) return;
  const modes = guests.flatMap((guest) => modesOf(config, guest));
  if (modes.some((mode) => suits(workload, mode))) return;
  const kinds = [...new Set(modes)].join(', ') || 'none';
  throw usage('WORKLOAD', `no guest has an adapter that can run ${workload} (modes: ${kinds})`);
};

/**
 * The configuration with the load that `overrides` and `seed` ask for.
 *
 * @throws ApemuError `APEMU_ERR_USAGE_…` if they do not fit the configuration
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
    const { queues, adapters } = overrides;
    if (queues !== undefined || adapters !== undefined)
      args['queues'] = chosen(config, guest, workload, overrides);
    return { ...guest, workload, args };
  });
  return { ...config, machine: withAdapters(config.machine, overrides), guests };
};

/** Gives every adapter another depth or number of engines. */
const withAdapters = (
  machine: MachineConfig['machine'],
  { depth, engines }: LoadOverrides,
): MachineConfig['machine'] => {
  checkRange('depth', depth, DEPTH_MAX);
  checkRange('engines', engines, ENGINES_MAX);
  const adapters = [...machine.adapters].map(([apid, adapter]): [number, AdapterConfig] => [
    apid,
    {
      ...adapter,
      depth: depth ?? adapter.depth,
      service: { ...adapter.service, engines: engines ?? adapter.service.engines },
    },
  ]);
  return { ...machine, adapters: new Map(adapters) };
};

const checkRange = (name: string, value: number | undefined, most: number): void => {
  if (value === undefined || value <= most) return;
  throw usage('SWEEP', `${name} is ${value} (expected 1 to ${most})`);
};

const chosen = (
  config: MachineConfig,
  guest: GuestConfig,
  workload: WorkloadConfig,
  { queues, adapters }: LoadOverrides,
): number[] => {
  const all = suitableQueues(config, guest, workload.name);
  const apids = apidsOf(all);
  const enough = (what: string, wanted: number, there: number): void => {
    if (wanted <= there) return;
    throw usage(
      'SWEEP',
      `${wanted} ${what} are wanted, guest ${guest.name} has ${there} for ${workload.name}`,
    );
  };
  enough('queues', queues ?? 0, all.length);
  enough('adapters', adapters ?? 0, apids.length);
  const taken = new Set(apids.slice(0, adapters));
  return all.filter((apqn) => taken.has(apqn >>> 8)).slice(0, queues);
};

/** The guests of `config` whose queues cannot run their workload, so that they send nothing. */
export const idleGuests = (config: MachineConfig): string[] =>
  loadedGuests(config).flatMap((guest) => {
    const name = baseWorkload(config, guest).name;
    return suitableQueues(config, guest, name).length === 0 ? [`${guest.name} (${name})`] : [];
  });
