// SPDX-License-Identifier: Apache-2.0
// The partition at one moment as plain data: adapters and domains with their queues, guests, mdevs, faults, and instructions that were
// refused. The command `partition` prints it, and the page of `apemu view` shows it.
// Source: docs/view.md.

import { ADAPTER_TYPES, adapterMode } from '../../native-like/arch/adapter-types.ts';
import { MASK_BITS } from '../../native-like/arch/limits.ts';
import { STATUS_IRQ } from '../../native-like/arch/status-word.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  ATTENTION_AQIC,
  ATTENTION_ASYNC,
  ATTENTION_BINDING,
  ATTENTION_BUSY,
  ATTENTION_CHECKSTOPPED,
  ATTENTION_DECONFIGURED,
  ATTENTION_RESET,
  K_REQUESTS,
  K_SHARED,
  MASK_AQM,
  Q_ALL_FREE,
  Q_ATTENTION,
  Q_STATUS,
} from '../../native-like/machine/layout.ts';
import { apqnName, apqnOf, hex } from '../ap-bus/apqn.ts';
import { bitsOf, type Mask } from '../ap-bus/mask.ts';
import { responseText } from '../host/api/explain.ts';
import { pgmText } from '../host/api/results.ts';
import type { Machine } from '../host/machine/machine.ts';
import { countBits, messagesIn } from '../host/machine/outstanding.ts';
import type { PartitionMachine } from '../host/machine/partition-machine.ts';
import type { AdapterProfile } from '../lpar/profile.ts';
import type { Refusal } from '../trace/refusals.ts';
import type { MatrixMdev } from '../vfio-ap/mdev.ts';
import { VirtualMdev } from '../vfio-ap/virtual/mdev.ts';
import { programNameOf, stateOf } from './commands/guests.ts';
import type { ShellContext } from './context.ts';

export type AdapterState = 'configured' | 'deconfigured' | 'checkstopped';

export interface AdapterView {
  /** Adapter number in two hexadecimal digits. */
  readonly apid: string;
  /** Type as in lszcrypt: `CEX8C`. */
  readonly type: string;
  readonly mode: string;
  readonly state: AdapterState;
}

export interface QueueView {
  readonly apqn: string;
  /** Names of the guests that have it; or `host`; `vfio_ap` if it is free for an mdev; `partition` if the Linux is not apemu's. */
  readonly owner: string;
  /** `idle`, `working`, or a state that prevents work. */
  readonly state: string;
  /** Number of messages in it, and its depth. */
  readonly messages: number;
  readonly depth: number;
  /** Number of messages that it has accepted since the machine started. */
  readonly accepted: number;
  /** Whether its interruptions are enabled. */
  readonly interrupts: boolean;
}

/** Numbers that are assigned: adapters with two hexadecimal digits, domains with four. */
export interface MaskView {
  readonly adapters: readonly string[];
  readonly domains: readonly string[];
  readonly controlDomains: readonly string[];
}

export interface GuestView extends MaskView {
  readonly name: string;
  readonly state: string;
  readonly program: string;
  /** UUID of its mdev; undefined if it has none open. */
  readonly mdev: string | undefined;
}

export interface MdevView extends MaskView {
  readonly uuid: string;
  readonly type: 'passthrough' | 'virtual';
  /** Guest that has it open; undefined if none has. */
  readonly guest: string | undefined;
}

export interface RefusalView {
  readonly guest: string;
  readonly instruction: string;
  readonly apqn: string;
  /** How it ended, such as `RC 10 Q_FULL: …`. */
  readonly ended: string;
  readonly count: number;
  readonly lastNs: number;
}

export interface PartitionView {
  readonly timeNs: number;
  readonly adapters: readonly AdapterView[];
  /** Usage domains, with four hexadecimal digits. */
  readonly domains: readonly string[];
  readonly controlDomains: readonly string[];
  readonly queues: readonly QueueView[];
  /** Number of queues that are left out because there are too many. */
  readonly more: number;
  readonly guests: readonly GuestView[];
  readonly mdevs: readonly MdevView[];
  readonly faults: readonly {
    readonly text: string;
    readonly fired: number;
    readonly active: boolean;
  }[];
  /** Refused instructions, the newest first; undefined if the instructions of this machine are not kept. */
  readonly refusals: readonly RefusalView[] | undefined;
}

/** VD-72: a matrix of 64 x 64. */
const QUEUES_SHOWN = 4096;
const REFUSALS_SHOWN = 40;

/**
 * The states in the order in which they are tested; the first that holds is shown. States that keep messages away come before those that
 * pass.
 */
const STATES: readonly (readonly [number, string])[] = [
  [ATTENTION_CHECKSTOPPED, 'checkstopped'],
  [ATTENTION_DECONFIGURED, 'deconfigured'],
  [ATTENTION_ASYNC, 'in error'],
  [ATTENTION_RESET, 'resetting'],
  [ATTENTION_BUSY, 'busy'],
  [ATTENTION_BINDING, 'associating'],
  [ATTENTION_AQIC, 'changing interruptions'],
];

export function partitionView(context: ShellContext): PartitionView {
  const { partition: machine, host } = context;
  const { partition } = machine;
  const adapters = ascending(partition.adapters.keys());
  const domains = ascending(partition.usageDomains);
  const apqns = adapters.flatMap((apid) => domains.map((apqi) => apqnOf(apid, apqi)));
  const owners = host === undefined ? () => 'partition' : ownersOf(host);
  return {
    timeNs: machine.nowNs(),
    adapters: [...partition.adapters.values()]
      .sort((a, b) => a.apid - b.apid)
      .map((adapter) => adapterView(machine, adapter)),
    domains: domains.map(domainName),
    controlDomains: ascending(partition.controlDomains).map(domainName),
    queues: apqns.slice(0, QUEUES_SHOWN).map((apqn) => queueView(machine, apqn, owners(apqn))),
    more: Math.max(0, apqns.length - QUEUES_SHOWN),
    guests: host === undefined ? [] : guestViews(context, host),
    mdevs: host === undefined ? [] : mdevViews(host),
    faults: machine.faults.list().map(({ text, fired, active }) => ({ text, fired, active })),
    refusals: refusalViews(context),
  };
}

const ascending = (numbers: Iterable<number>): number[] => [...numbers].sort((a, b) => a - b);
const adapterName = (apid: number): string => hex(apid, 2);
const domainName = (apqi: number): string => hex(apqi, 4);

function adapterView({ partition }: PartitionMachine, adapter: AdapterProfile): AdapterView {
  const { apid, type, mode } = adapter;
  const name = ADAPTER_TYPES.find(({ number }) => number === type)?.name ?? `type ${type}`;
  return {
    apid: adapterName(apid),
    // The names of types before CEX4 contain their letter.
    type: /^CEX\d$/.test(name) ? `${name}${adapterMode(mode).letter}` : name,
    mode,
    state: adapterState(partition, apid),
  };
}

function adapterState(partition: PartitionMachine['partition'], apid: number): AdapterState {
  if (partition.isCheckstopped(apid)) return 'checkstopped';
  return partition.isDeconfigured(apid) ? 'deconfigured' : 'configured';
}

function queueView({ image }: PartitionMachine, apqn: number, owner: string): QueueView {
  const q = image.queue(apqn);
  const cold = image.cold(q);
  const messages = messagesIn(image, q);
  const attention = image.word(q + Q_ATTENTION);
  const state = STATES.find(([bit]) => (attention & bit) !== 0)?.[1];
  return {
    apqn: apqnName(apqn),
    owner,
    state: state ?? (messages > 0 ? 'working' : 'idle'),
    messages,
    depth: countBits(image.word(q + Q_ALL_FREE)),
    accepted: (image.word(cold + K_REQUESTS) >>> 0) + (image.word(cold + K_SHARED) >>> 0),
    interrupts: (image.word(q + Q_STATUS) & STATUS_IRQ) !== 0,
  };
}

/** For each mdev by its UUID, the name of the guest that has it open. */
const usersOf = ({ files }: Machine): ReadonlyMap<string, string> =>
  new Map([...files].map(([name, { mdev }]) => [mdev.uuid, name]));

/** Returns a function that tells who has a queue. */
function ownersOf(host: Machine): (apqn: number) => string {
  const { matrix, bus } = host.host;
  const users = usersOf(host);
  const nameOf = ({ uuid }: MatrixMdev): string => users.get(uuid) ?? 'an mdev';
  return (apqn) => {
    const device = bus.findDevice(apqnName(apqn));
    if (device?.driver === undefined || device.driver === null) return 'nobody';
    if (matrix.queues[apqn] === undefined) return 'host';
    const mdev = matrix.mdevOf(apqn);
    const all = mdev === undefined ? matrix.virtualMdevsOf(apqn) : [mdev];
    return all.length === 0 ? 'vfio_ap' : all.map(nameOf).join(', ');
  };
}

const maskView = (apm: Mask, aqm: Mask, adm: Mask): MaskView => ({
  adapters: bitsOf(apm).map(adapterName),
  domains: bitsOf(aqm).map(domainName),
  controlDomains: bitsOf(adm).map(domainName),
});

const maskAt = ({ i32 }: MachineImage, word: number): Mask =>
  Uint32Array.from(i32.subarray(word, word + MASK_BITS / 32));

/** What the guest's instructions reach: with a virtual mdev, the numbers it maps; else the masks in the CRYCB. */
function reach({ image }: Machine, number: number, mdev: MatrixMdev | undefined): MaskView {
  if (mdev instanceof VirtualMdev) {
    const { apm, aqm, adm } = mdev.virtualMatrix;
    return maskView(apm, aqm, adm);
  }
  const masks = image.masks(number);
  return maskView(
    maskAt(image, masks),
    maskAt(image, masks + MASK_AQM),
    maskAt(image, image.adm(number)),
  );
}

const guestViews = (context: ShellContext, host: Machine): GuestView[] =>
  host.guests.map((guest) => {
    const mdev = host.files.get(guest.name)?.mdev;
    return {
      name: guest.name,
      state: stateOf(context, guest),
      program: programNameOf(context, guest),
      mdev: mdev?.uuid,
      ...reach(host, guest.number, mdev),
    };
  });

const mdevViews = (host: Machine): MdevView[] => {
  const users = usersOf(host);
  return [...host.host.matrix.byUuid.values()].map((mdev) => {
    const isVirtual = mdev instanceof VirtualMdev;
    const { apm, aqm, adm } = isVirtual ? mdev.virtualMatrix : mdev.matrix;
    return {
      uuid: mdev.uuid,
      type: isVirtual ? 'virtual' : 'passthrough',
      guest: users.get(mdev.uuid),
      ...maskView(apm, aqm, adm),
    };
  });
};

function refusalViews({ partition, options: { trace } }: ShellContext): RefusalView[] | undefined {
  partition.trace?.flush();
  return trace?.refusals.last(REFUSALS_SHOWN).map(refusalView);
}

const refusalView = ({
  guest,
  instruction,
  apqn = '',
  rc,
  program,
  ...rest
}: Refusal): RefusalView => ({
  guest,
  instruction,
  apqn,
  ended:
    program === undefined
      ? `RC ${responseText(rc ?? 0)}`
      : `program interruption ${pgmText(program)}`,
  count: rest.count,
  lastNs: rest.lastNs,
});
