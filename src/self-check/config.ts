// SPDX-License-Identifier: Apache-2.0
// Configurations to fuzz: the given one, and variations of it with other times, depths, limits, facilities and host kernels.
// They are plain objects of the configuration file's shape, so that a finding can be saved with its configuration.
// Source: docs/design.md section 5; ap-architecture.md AD-20, AD-21, AD-24, AD-26.
import { stringify } from 'yaml';
import { MACHINE_PROFILES } from '../../native-like/arch/adapter-types.ts';
import {
  GUEST_FACILITIES,
  type RawAdapter,
  type RawConfig,
  type RawGuest,
} from '../config/schema.ts';
import {
  type AdapterConfig,
  type GuestConfig,
  KERNEL_PROFILES,
  type MachineConfig,
} from '../config/types.ts';
import { formatDuration } from '../config/units.ts';
import type { Random } from '../lpar/random.ts';

/** Storage of a guest while fuzzing: room for the largest message twice, and little to compare. */
const GUEST_MEMORY = '192KiB';
const MESSAGE_MEMORY = '16MiB';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
export type FuzzConfig = Mutable<RawConfig>;

const defined = <T extends object>(object: T): T =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;

const rawAdapter = (adapter: AdapterConfig): RawAdapter => {
  const { model, timeNs, sigma, engines, order } = adapter.service;
  const timed = model === 'fixed' || model === 'lognormal';
  return defined({
    type: adapter.type,
    mode: adapter.mode,
    depth: adapter.depth,
    ml: adapter.ml,
    functions: adapter.functions,
    serial: adapter.serial,
    config: adapter.configured ? 'on' : 'off',
    service: {
      model,
      engines,
      order,
      ...(timed ? { time: timeNs === 0 ? 0 : formatDuration(timeNs) } : {}),
      ...(model === 'lognormal' ? { sigma } : {}),
    },
  }) as RawAdapter;
};

const rawGuest = (guest: GuestConfig): RawGuest =>
  defined({
    uuid: guest.uuid,
    vcpus: guest.vcpus,
    memory: GUEST_MEMORY,
    mdev: guest.mdev,
    facilities: guest.facilities,
    aiv: guest.aiv,
    gisaFormat: guest.gisaFormat,
    apie: guest.apie,
    secureExecution: guest.secureExecution,
  }) as RawGuest;

/** A checked configuration in the shape of a file. Guest programs are left out, guests' storage is made small. */
export const plainConfig = (config: MachineConfig): FuzzConfig => {
  const { machine, host } = config;
  const duration = (ns: number) => (ns === 0 ? 0 : formatDuration(ns));
  const adapters = [...machine.adapters.values()].map((a) => [`${a.apid}`, rawAdapter(a)]);
  return JSON.parse(
    JSON.stringify({
      apemu: 1,
      machine: {
        profile: machine.profile,
        adapters: Object.fromEntries(adapters),
        usageDomains: machine.usageDomains,
        controlDomains: machine.controlDomains,
        seed: machine.seed,
        messageMemory: MESSAGE_MEMORY,
        timing: {
          rapq: duration(machine.timing.rapqNs),
          zapq: duration(machine.timing.zapqNs),
          aqic: duration(machine.timing.aqicNs),
        },
      },
      host: defined({ ...host }),
      guests: Object.fromEntries(config.guests.map((guest) => [guest.name, rawGuest(guest)])),
    }),
  ) as FuzzConfig;
};

const SERVICES: readonly NonNullable<RawAdapter['service']>[] = [
  { model: 'instant' },
  { model: 'fixed', time: '100us', engines: 1 },
  { model: 'fixed', time: '1ms', engines: 2, order: 'fifo' },
  { model: 'lognormal', time: '300us', sigma: 0.5 },
  { model: 'lognormal', time: '300us', sigma: 1.5, order: 'fifo' },
];

/** Machine profiles whose QCI can show the numbers of the configuration. */
const profilesFor = (config: FuzzConfig) => {
  const apids = Object.keys(config.machine?.adapters ?? {}).map(Number);
  const domains = [config.machine?.usageDomains, config.machine?.controlDomains].flat();
  return MACHINE_PROFILES.filter(
    (row) =>
      apids.every((apid) => apid <= row.na) && domains.every((apqi) => (apqi ?? 0) <= row.nd),
  );
};

const varyAdapter = (adapter: RawAdapter, random: Random): RawAdapter => ({
  ...adapter,
  // Loopback shows whether bytes stay what they are; the other modes answer rubbish with error replies.
  mode: random.chance(50) ? 'loopback' : adapter.mode,
  depth: random.pick([1, 2, 3, 8, 16]),
  ml: random.pick([0, 1, 3, 15]),
  service: random.pick(SERVICES),
});

const varyGuest = (guest: RawGuest, random: Random) => ({
  ...guest,
  facilities: GUEST_FACILITIES.filter(() => random.chance(85)),
  apie: !random.chance(5),
  aiv: !random.chance(10),
  gisaFormat: random.pick([0, 1]),
  ...(random.chance(30)
    ? { secureExecution: { secrets: random.some([0, 1, 7, 0xffff], 60) } }
    : {}),
});

/** Another machine with the same adapters, domains and mdevs. */
export const varyConfig = (config: FuzzConfig, random: Random): FuzzConfig => {
  const adapters = Object.entries(config.machine?.adapters ?? {});
  const guests = Object.entries(config.guests ?? {});
  return {
    ...config,
    machine: {
      ...config.machine,
      profile: random.pick(profilesFor(config)).name,
      adapters: Object.fromEntries(
        adapters.map(([apid, adapter]) => [apid, varyAdapter(adapter, random)]),
      ),
      timing: {
        rapq: random.pick([0, '1ms']),
        zapq: random.pick([0, '1ms', '5ms']),
        aqic: random.pick([0, '100us']),
      },
    },
    host: { ...config.host, kernel: random.pick(KERNEL_PROFILES) },
    guests: Object.fromEntries(
      guests.map(([name, guest]) => [name, varyGuest(guest ?? {}, random) as RawGuest]),
    ),
  };
};

/** The text of the configuration file. */
export const configText = (config: FuzzConfig, comment: string): string =>
  `# ${comment}\n${stringify(config, { flowCollectionPadding: true, collectionStyle: 'any' })}`;
