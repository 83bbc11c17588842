// SPDX-License-Identifier: Apache-2.0
// From a checked configuration to the parts of a machine: image, partition, faults, virtual machines, host side.
// Source: docs/design.md sections 1, 2 and 5.
import {
  ADAPTER_MODES,
  MACHINE_PROFILES,
  type MachineProfileRow,
} from '../../../native-like/arch/adapter-types.ts';
import { DEFAULT_ML } from '../../../native-like/arch/limits.ts';
import { QCI_FLAG_N } from '../../../native-like/arch/qci.ts';
import { GAL_ISC } from '../../../native-like/arch/sie.ts';
import { setFacilities } from '../../../native-like/machine/guest-setup.ts';
import type { MachineImage } from '../../../native-like/machine/image.ts';
import type { ImageShape } from '../../../native-like/machine/image-shape.ts';
import {
  C_GIB,
  C_HOST_SWITCHES,
  C_QCI_FLAGS,
  C_QCI_NA_ND,
  C_TIME_AQIC,
  C_TIME_BIND,
  C_TIME_RAPQ,
  C_TIME_ZAPQ,
  GIB_ALERT_ISC,
  HOST_AQIC_CHECKS_APCB,
  HOST_ISC_RC_08,
  HOST_KEEPS_CC,
  HOST_LEAKS_AQIC,
  HOST_STRICT_STATUS,
} from '../../../native-like/machine/layout.ts';
import { type HostSwitches, switchesOf } from '../../ap-bus/profile.ts';
import type { AdapterConfig, FaultConfig, MachineConfig } from '../../config/types.ts';
import { ApemuError } from '../../errors.ts';
import { hostFacilities } from '../../kvm/guest-facilities.ts';
import { type GuestExclusive, VirtualMachine } from '../../kvm/virtual-machine.ts';
import type { Fault } from '../../lpar/fault-record.ts';
import type { AdapterProfile, PartitionProfile } from '../../lpar/profile.ts';
import { type TakeTrace, TRACE_RECORDS } from '../../trace/ring.ts';
import type { Card } from '../context/card-models.ts';

/** vCPUs of the host partition: one for the user's own instructions, one for the AP bus. */
const HOST_VCPUS = 2;
const HOST_STORAGE_BYTES = 0x100000;
/** Virtual nanoseconds a bind or association takes: not public, a choice like AD-20. */
const BIND_NS = 1_000_000;

/** The profile row that a configuration names. */
export const profileOf = (config: MachineConfig): MachineProfileRow => {
  const row = MACHINE_PROFILES.find((candidate) => candidate.name === config.machine.profile);
  if (row === undefined)
    throw new ApemuError(
      'APEMU_ERR_CONFIG_PROFILE',
      `no machine profile ${config.machine.profile}`,
    );
  return row;
};

/** The options of a machine on which its image depends. */
export interface ShapeOptions {
  /** Tells the guests whose storage is not in the image because they run under QEMU. */
  readonly external?: (guest: string) => boolean;
  /**
   * Number of records, with one vCPU each, for guests of guests. They use the storage of their outer guest; `nest` hands the records out.
   */
  readonly nested?: number;
  /**
   * Is given a record of each AP instruction that the guests execute. `trace.flush()` hands over the records that are still in the image.
   */
  readonly onTrace?: TakeTrace;
}

/** The image a configuration needs. */
export const shapeOf = (config: MachineConfig, options: ShapeOptions): ImageShape => ({
  guests: [
    { vcpus: HOST_VCPUS, storageBytes: HOST_STORAGE_BYTES },
    ...config.guests.map((guest) => ({
      vcpus: guest.vcpus,
      storageBytes: options.external?.(guest.name) === true ? 0 : guest.memory,
    })),
    ...Array.from({ length: options.nested ?? 0 }, () => ({ vcpus: 1, storageBytes: 0 })),
  ],
  messageBytes: config.machine.messageMemory,
  traceRecords: options.onTrace === undefined ? 0 : TRACE_RECORDS,
});

/** vCPU blocks of a partition's program. CPUs of a program under QEMU beyond this number share blocks. */
const PROGRAM_VCPUS = 2;

/** The image of a partition without guests, whose program's storage is outside the image. */
export const partitionShape = (
  config: MachineConfig,
  options: Pick<ShapeOptions, 'onTrace'>,
): ImageShape => ({
  guests: [{ vcpus: PROGRAM_VCPUS, storageBytes: 0 }],
  messageBytes: config.machine.messageMemory,
  traceRecords: options.onTrace === undefined ? 0 : TRACE_RECORDS,
});

/** Name of a guest by its number in the image. */
export const guestNames =
  (config: MachineConfig) =>
  (guest: number): string =>
    config.guests[guest - 1]?.name ?? 'host';

/** Writes the machine-wide words of the image: QCI, timing, differences of the host kernel, the host's own facilities. */
export const writeMachine = (image: MachineImage, config: MachineConfig): void => {
  const profile = profileOf(config);
  const { i32, f64 } = image;
  const { timing } = config.machine;
  const wide = (profile.qciFlags & QCI_FLAG_N) !== 0;
  i32[C_QCI_FLAGS] = profile.qciFlags;
  i32[C_QCI_NA_ND] = wide ? (profile.na << 8) | profile.nd : 0;
  f64[C_TIME_RAPQ >> 1] = timing.rapqNs;
  f64[C_TIME_ZAPQ >> 1] = timing.zapqNs;
  f64[C_TIME_AQIC >> 1] = timing.aqicNs;
  f64[C_TIME_BIND >> 1] = BIND_NS;
  i32[C_HOST_SWITCHES] = switchWord(config, switchesFor(config));
  i32[C_GIB + GIB_ALERT_ISC] = GAL_ISC;
  setFacilities(image, 0, hostFacilities(profile.facilities, profile.qciFlags));
};

/** The switches of the configured host kernel. */
export const switchesFor = (config: MachineConfig): HostSwitches =>
  switchesOf(config.host.kernel, {
    ...virtualMdevsOf(config),
    ...(config.host.switches as Partial<HostSwitches>),
  });

/**
 * The switch for virtual mdevs. The type exists when a guest has such an mdev, and together with the passthrough type only when a guest
 * has that one too.
 */
const virtualMdevsOf = (config: MachineConfig): Partial<HostSwitches> => {
  if (!config.guests.some((guest) => guest.virtualMdev !== undefined)) return {};
  const mixed = config.guests.some((guest) => guest.mdev !== undefined);
  return { virtualMdevs: mixed ? 'mixed' : 'exclusive' };
};

const switchWord = (config: MachineConfig, switches: HostSwitches): number => {
  // These behaviours are those of kernels up to 6.1.
  const old = ['linux-6.1', 'v13', 'doc-v6'].includes(config.host.kernel);
  return (
    (switches.strictStatus ? HOST_STRICT_STATUS : 0) |
    (switches.aqicChecksApcb ? HOST_AQIC_CHECKS_APCB : 0) |
    (switches.leakAqicResources ? HOST_LEAKS_AQIC : 0) |
    (old ? HOST_KEEPS_CC | HOST_ISC_RC_08 : 0)
  );
};

export const adapterProfile = (adapter: AdapterConfig): AdapterProfile => ({
  apid: adapter.apid,
  type: adapter.type,
  mode: adapter.mode,
  depth: adapter.depth,
  ml: adapter.ml ?? DEFAULT_ML,
  functions: adapter.functions,
  configured: adapter.configured,
  service: adapter.service,
});

/** The profile from which the partition is made. */
export const partitionProfile = (config: MachineConfig, seed: number): PartitionProfile => ({
  adapters: [...config.machine.adapters.values()].map(adapterProfile),
  usageDomains: config.machine.usageDomains,
  controlDomains: config.machine.controlDomains,
  seed,
});

/** What the card model of an adapter needs to know. */
export const cardOf = (adapter: AdapterConfig, seed: number): Card => ({
  apid: adapter.apid,
  type: adapter.type,
  mode: adapter.mode,
  functions:
    (adapter.functions ??
      ADAPTER_MODES.find((row) => row.mode === adapter.mode)?.functions ??
      0) >>> 0,
  serial: adapter.serial ?? serialOf(seed, adapter.apid),
  ml: adapter.ml ?? DEFAULT_ML,
});

/** Serial number: eight characters that depend on seed and adapter alone. */
const serialOf = (seed: number, apid: number): string =>
  `93A${(((seed * 0x9e37) ^ (apid * 0x101)) & 0xfffff).toString(16).toUpperCase().padStart(5, '0')}`;

export const virtualMachines = (
  image: MachineImage,
  config: MachineConfig,
  exclusive: GuestExclusive,
): VirtualMachine[] =>
  config.guests.map(
    (guest, index) =>
      new VirtualMachine(
        image,
        {
          name: guest.name,
          number: index + 1,
          facilities: guest.facilities,
          apie: guest.apie,
          aiv: guest.aiv,
          gisaFormat: guest.gisaFormat,
          secureExecution: guest.secureExecution !== undefined,
          secrets: guest.secureExecution?.secrets ?? [],
        },
        exclusive,
      ),
  );

/** Makes faults of the partition from a configured one. Its times count from `startNs`, and a list of times becomes one fault for each. */
export const faultsOf = (config: MachineConfig, fault: FaultConfig, startNs: number): Fault[] => {
  const guest =
    fault.guest === undefined
      ? undefined
      : config.guests.findIndex((g) => g.name === fault.guest) + 1;
  const { effect, trigger } = fault;
  const base = { guest, apqn: fault.apqn, on: fault.on, effect };
  switch (trigger.kind) {
    case 'count':
      return [{ ...base, count: trigger.count }];
    case 'probability':
      return [{ ...base, probability: trigger.probability }];
    case 'at':
      return trigger.atNs.map((atNs) => ({ ...base, atNs: startNs + atNs, count: 1 }));
  }
};

/**
 * An apmask that leaves every adapter of the guests' mdevs to vfio_ap. It is used when the configuration names no masks. Undefined if
 * there are no such adapters.
 */
export const reservingApmask = (config: MachineConfig): string | undefined => {
  const adapters = new Set(
    config.guests.flatMap((guest) => [
      ...(guest.mdev?.adapters ?? []),
      ...(guest.virtualMdev?.adapters ?? []).flatMap(({ real }) => real),
    ]),
  );
  if (adapters.size === 0) return undefined;
  return [...adapters]
    .sort((a, b) => a - b)
    .map((apid) => `-${apid}`)
    .join(',');
};
