// SPDX-License-Identifier: Apache-2.0
// A machine's configuration, complete and checked: what src/lpar and src/host build a machine from.
// Source: docs/design.md section 5; ranges from docs/reference/ap-architecture.md sections 1.2, 4.4 and 7 (AD-20, AD-21, AD-26).

import type { AdapterMode, MachineProfileRow } from '../../native-like/arch/adapter-types.ts';
import type { InjectedReply } from '../cex/injected-reply.ts';

export type { AdapterMode, InjectedReply };

/** Machine profiles: rows of native-like/arch/adapter-types.ts. */
export type MachineProfileName = MachineProfileRow['name'];

/** Host behaviour profiles. Source: docs/reference/vfio-ap.md section 9. */
export const KERNEL_PROFILES = [
  'current',
  'linux-7.2',
  'linux-6.12',
  'linux-6.1',
  'v13',
  'doc-v6',
  'mixed',
  'strict',
] as const;
export type KernelProfileName = (typeof KERNEL_PROFILES)[number];

/**
 * How long requests take. `rated`: the kernel's speed ratings (docs/reference/messages.md section 7.2), `fixed`: `timeNs`,
 * `lognormal`: median `timeNs`, shape `sigma`, seeded.
 */
export const SERVICE_MODELS = ['instant', 'fixed', 'lognormal', 'rated'] as const;
export type ServiceModelName = (typeof SERVICE_MODELS)[number];

export interface ServiceConfig {
  readonly model: ServiceModelName;
  /** Virtual nanoseconds a request takes (`fixed`), or the median (`lognormal`); 0 with the other models. */
  readonly timeNs: number;
  /** Shape of `lognormal`, above 0; 0 with the other models. */
  readonly sigma: number;
  /** Requests an adapter works on at the same time, shared by its queues. */
  readonly engines: number;
  /** Order of replies (AD-30): `completion` or `fifo`. */
  readonly order: 'completion' | 'fifo';
}

export interface AdapterConfig {
  /** Adapter number, 0-255. */
  readonly apid: number;
  /** Type number as TAPQ reports it: 14 = CEX8 (ap-architecture.md section 4.6). */
  readonly type: number;
  readonly mode: AdapterMode;
  /** Messages a queue holds, 1-16 (AD-26). */
  readonly depth: number;
  /** Message limit in 4 KiB units, 0-15; 0 = 12288 bytes (section 4.5). Undefined: as the profile has it. */
  readonly ml: number | undefined;
  /** High word of TAPQ GR2 (section 4.4). Undefined: the preset of AD-24 for mode and profile. */
  readonly functions: number | undefined;
  /** Serial number as the card reports it, at most 16 characters. Undefined: it is made from seed and APID. */
  readonly serial: string | undefined;
  readonly service: ServiceConfig;
  /** False: the adapter starts deconfigured (standby). */
  readonly configured: boolean;
}

export interface TimingConfig {
  /** Virtual nanoseconds a RAPQ takes (AD-20); 0: complete before the next instruction. */
  readonly rapqNs: number;
  /** Virtual nanoseconds a ZAPQ takes (AD-20). */
  readonly zapqNs: number;
  /** Virtual nanoseconds until an accepted AQIC shows in the status (AD-21). */
  readonly aqicNs: number;
}

export interface PartitionConfig {
  readonly profile: MachineProfileName;
  /** Adapters by APID, ascending. */
  readonly adapters: ReadonlyMap<number, AdapterConfig>;
  /** Usage domains of the partition (AQM), ascending, 0-255. */
  readonly usageDomains: readonly number[];
  /** Control domains of the partition (ADM), ascending, 0-255. */
  readonly controlDomains: readonly number[];
  /** Seed of every random choice of the machine, 0 to 2^32 - 1. */
  readonly seed: number;
  /** Bytes of the pool of message slots. */
  readonly messageMemory: number;
  readonly timing: TimingConfig;
  /**
   * Lets faults declare replies that crash, leak or corrupt a Linux guest kernel (the shapes of docs/messages-support.md with an
   * entry in the last column). Off by default.
   */
  readonly allowGuestDamage: boolean;
}

/** A single switch of a host profile; the names are the rows of `SWITCHES` (src/config/switches.ts). */
export type SwitchValue = boolean | number | string;

export interface HostConfig {
  readonly kernel: KernelProfileName;
  /** Text that is written to /sys/bus/ap/apmask after the start, without a newline. Undefined: nothing is written (all ones). */
  readonly apmask: string | undefined;
  readonly aqmask: string | undefined;
  /** Release of s390-tools that views follow (src/s390-tools/releases.ts). Undefined: each view has its own default. */
  readonly s390Tools: string | undefined;
  /** Differences from the profile, by name. */
  readonly switches: Readonly<Record<string, SwitchValue>>;
}

export interface MdevConfig {
  /** Adapter numbers, ascending, 0-255. */
  readonly adapters: readonly number[];
  readonly domains: readonly number[];
  readonly controlDomains: readonly number[];
}

/** A virtual number and the real ones behind it, ascending. */
export interface VirtualNumber {
  readonly virtual: number;
  readonly real: readonly number[];
}

/** An mdev of the type vfio_ap-virtual (vfio-ap.md section 8.3). */
export interface VirtualMdevConfig {
  /** Ascending by their virtual numbers, 0-255. */
  readonly adapters: readonly VirtualNumber[];
  readonly domains: readonly VirtualNumber[];
  /** How messages are spread over the real queues (V-05). */
  readonly choice: 'least' | 'sticky' | 'first' | 'random';
  /** Messages with secure keys go through (V-12). */
  readonly allowSecure: boolean;
}

/** What a guest's built-in program sends. */
export interface WorkloadConfig {
  readonly name: string;
  /** Messages a queue exchanges before the workload is done. */
  readonly messages: number;
  /** Bytes of a message: each length is drawn from [min, max]. */
  readonly minLength: number;
  readonly maxLength: number;
  /** Messages a second and guest (open loop); undefined: closed loop, the next one when a place is free. */
  readonly ratePerSecond: number | undefined;
  /** Distance of messages in an open loop. */
  readonly arrivals: 'fixed' | 'poisson';
  /** Open loop: messages arrive at these times instead, nanoseconds from when a queue is ready, ascending; from the command line. */
  readonly arrivalTimesNs?: readonly number[];
  /** Highest number of messages in a queue at a time; undefined: the queue's depth. */
  readonly outstanding: number | undefined;
}

export interface SecureExecutionConfig {
  /** Secret indexes AAPQ accepts, ascending, 0-0xFFFF. */
  readonly secrets: readonly number[];
}

export interface GuestConfig {
  readonly name: string;
  /** UUID of the guest's mdev, lower case. */
  readonly uuid: string;
  readonly vcpus: number;
  /** Bytes of guest storage, a multiple of 4096. */
  readonly memory: number;
  /** Passthrough mdev. Undefined: none is created for this guest. */
  readonly mdev: MdevConfig | undefined;
  /** Virtual mdev; a guest has one kind or the other. */
  readonly virtualMdev: VirtualMdevConfig | undefined;
  /** The guest runs on another machine of the cluster; this one has a place, and perhaps an mdev, for it to come to. */
  readonly incoming: boolean;
  /** Built-in program, or path of a module or an AP program (a relative one is already joined to the file's folder). */
  readonly program: string | undefined;
  /** Facility bits STFLE shows, ascending (of 12, 15, 65, 76). */
  readonly facilities: readonly number[];
  /** Adapter interruption virtualization (ECA.AIV). */
  readonly aiv: boolean;
  /** `none`: AIV without a GISA (VD-22). */
  readonly gisaFormat: 0 | 1 | 'none';
  /** AP instructions interpreted (ECA.28). */
  readonly apie: boolean;
  /** vCPUs on several workers in pooled mode. */
  readonly spread: boolean;
  readonly secureExecution: SecureExecutionConfig | undefined;
  readonly workload: WorkloadConfig | undefined;
  /** Arguments of the guest program, as plain data. */
  readonly args: Readonly<Record<string, unknown>>;
}

/** Instructions a fault can name; `any` is all of them. */
export const FAULT_INSTRUCTIONS = [
  'tapq',
  'rapq',
  'zapq',
  'aqic',
  'qci',
  'qact',
  'qbap',
  'bapq',
  'aapq',
  'nqap',
  'dqap',
  'any',
] as const;
export type FaultInstruction = (typeof FAULT_INSTRUCTIONS)[number];

/** What a fault does. */
export type FaultEffect =
  /** The instruction ends with this response code (0-0xFF) and condition code 3 (0 for response code 0). */
  | { readonly kind: 'rc'; readonly rc: number }
  /**
   * The instruction ends with this condition code before it does anything. `everyBytes`: it ends with condition code 2 at each
   * address of the operand that is a multiple of it, with what came before moved (AD-18).
   */
  | { readonly kind: 'cc'; readonly cc: 1 | 2; readonly everyBytes: number | undefined }
  /** The request is accepted and its reply never becomes available. */
  | { readonly kind: 'drop' }
  /** The reply comes this many virtual nanoseconds later. */
  | { readonly kind: 'delay'; readonly delayNs: number }
  /** The reply is put behind this many later ones. */
  | { readonly kind: 'reorder'; readonly places: number }
  /** The adapter answers this instead; only requests for the function the reply names, if it names one. */
  | { readonly kind: 'reply'; readonly reply: InjectedReply };

/** When a fault strikes. */
export type FaultTrigger =
  /** The next `count` matching instructions (with `everyBytes`: stops at a boundary). */
  | { readonly kind: 'count'; readonly count: number }
  /** Each matching instruction with this probability, above 0 and at most 1 (1: always, which is the default). */
  | { readonly kind: 'probability'; readonly probability: number }
  /** At each of these virtual times, which count from when guests begin, the first matching instruction from then on; ascending. */
  | { readonly kind: 'at'; readonly atNs: readonly number[] };

/** A fault, from a configuration or from a `fault:` line of an AP program. Exactly one of guest and apqn is set. */
export interface FaultConfig {
  readonly guest: string | undefined;
  /** APID << 8 | APQI. */
  readonly apqn: number | undefined;
  readonly on: FaultInstruction;
  readonly effect: FaultEffect;
  readonly trigger: FaultTrigger;
}

/** A configuration, complete: every default applied, every number in its range, every list sorted. Deeply frozen. */
export interface MachineConfig {
  /** The file it came from, as it was named; undefined for a plain object. */
  readonly file: string | undefined;
  readonly machine: PartitionConfig;
  readonly host: HostConfig;
  /** Guests in the order of the file. */
  readonly guests: readonly GuestConfig[];
  readonly faults: readonly FaultConfig[];
}

/** Something legal that is probably not meant, with its place. */
export interface ConfigWarning {
  readonly code: string;
  readonly message: string;
  readonly line: number | undefined;
  readonly column: number | undefined;
}

export interface LoadedConfig {
  readonly config: MachineConfig;
  readonly warnings: readonly ConfigWarning[];
}

/** Several machines, each with a host of its own, between which guests migrate. */
export interface ClusterConfig {
  readonly file: string | undefined;
  /** Machines by name, in the order of the file. Each has every guest: its own, and those of the others as `incoming`. */
  readonly machines: ReadonlyMap<string, MachineConfig>;
}

export interface LoadedCluster {
  readonly config: ClusterConfig;
  readonly warnings: readonly ConfigWarning[];
}
