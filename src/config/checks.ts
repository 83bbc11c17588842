// SPDX-License-Identifier: Apache-2.0
// What no single entry of a configuration can see: entries that exclude each other, and legal ones that are probably not meant.
// Source: docs/design.md sections 2 and 5; vfio-ap.md sections 4.1, 4.2 (sharing, over-provisioning); ap-architecture.md AD-37.

import { adapterType, MACHINE_PROFILES } from '../../native-like/arch/adapter-types.ts';
import { PAGE_BYTES } from '../../native-like/arch/limits.ts';
import { FAULTS_MAX } from '../../native-like/machine/layout.ts';
import { printFault } from './fault-text.ts';
import { replyProblem } from './faults.ts';
import type { Path, Report } from './source.ts';
import type {
  AdapterMode,
  FaultConfig,
  GuestConfig,
  InjectedReply,
  MdevConfig,
  PartitionConfig,
  VirtualNumber,
} from './types.ts';
import { formatApqn } from './units.ts';

/** Lowcore (8 KiB), and room for one message and one reply of default size with their program. */
const MIN_GUEST_MEMORY = 64 * 1024;
/** A slot pool below this cannot hold the messages of one queue of default depth. */
const MIN_MESSAGE_MEMORY = 1024 * 1024;
/**
 * Limit for guest storage and slot pool together. The machine image is one WebAssembly.Memory whose offsets must stay below 2^31 (signed
 * 32-bit arithmetic on the fast path), and 64 KiB are kept for its own tables.
 */
const IMAGE_LIMIT = 2 * 2 ** 30 - 64 * 1024;

/** Names in a list of what would have been right. */
const NAMES_SHOWN = 20;

/** How a check says that something is legal and odd. */
export type Warn = (what: string, path: Path, message: string) => void;

export interface Complete {
  readonly machine: PartitionConfig;
  readonly guests: readonly GuestConfig[];
  readonly faults: readonly (FaultConfig | undefined)[];
}

/** All mistakes that need the whole configuration. */
export function checkWhole(config: Complete, report: Report): void {
  checkProfile(config.machine, report);
  checkMemory(config, report);
  checkUuids(config.guests, report);
  checkSharing(config.guests, report);
  checkFaults(config, report);
}

/** What a fault may say only on this machine. */
export function checkFaults(config: Complete, report: Report): void {
  const names = new Set(config.guests.map((guest) => guest.name));
  if (config.faults.length > FAULTS_MAX) {
    const message = `there are ${config.faults.length} faults`;
    report('FAULTS', ['faults', FAULTS_MAX], message, `at most ${FAULTS_MAX}`);
  }
  config.faults.forEach((fault, index) => {
    checkDamage(fault, index, config.machine.allowGuestDamage, report);
    if (fault?.guest !== undefined && !names.has(fault.guest)) {
      report(
        'UNKNOWN_GUEST',
        ['faults', index, 'guest'],
        `there is no guest ${fault.guest}`,
        oneOf(names),
      );
    }
  });
}

/** Replies that damage a guest need the switch. */
function checkDamage(
  fault: FaultConfig | undefined,
  index: number,
  allowGuestDamage: boolean,
  report: Report,
): void {
  if (fault?.effect.kind !== 'reply') return;
  const problem = replyProblem(fault.effect.reply, allowGuestDamage);
  if (problem === undefined) return;
  const path: Path = ['faults', index, 'reply'];
  report('GUEST_DAMAGE', path, problem.message, 'machine: { allowGuestDamage: true }');
}

/** What the profile's QCI block can show: numbers up to na and nd (ap-architecture.md section 4.2). */
function checkProfile(machine: PartitionConfig, report: Report): void {
  const row = MACHINE_PROFILES.find((candidate) => candidate.name === machine.profile);
  if (row === undefined) return;
  for (const apid of machine.adapters.keys()) {
    if (apid <= row.na) continue;
    const message = `a ${row.name} has no adapter ${apid}`;
    report('PROFILE', ['machine', 'adapters'], message, `at most ${row.na} on a ${row.name}`);
  }
  for (const key of ['usageDomains', 'controlDomains'] as const) {
    const beyond = machine[key].filter((apqi) => apqi > row.nd);
    if (beyond.length === 0) continue;
    const message = `a ${row.name} has no domain ${beyond.join(', ')}`;
    report('PROFILE', ['machine', key], message, `at most ${row.nd} on a ${row.name}`);
  }
}

function checkMemory(config: Complete, report: Report): void {
  const { messageMemory } = config.machine;
  const poolPath = ['machine', 'messageMemory'];
  checkSize(messageMemory, MIN_MESSAGE_MEMORY, poolPath, report);
  if (messageMemory > IMAGE_LIMIT) {
    report(
      'MEMORY',
      poolPath,
      `${messageMemory} bytes are too large`,
      `at most ${IMAGE_LIMIT} bytes`,
    );
  }
  let total = messageMemory;
  for (const guest of config.guests) {
    checkSize(guest.memory, MIN_GUEST_MEMORY, ['guests', guest.name, 'memory'], report);
    const before = total;
    total += guest.memory;
    if (before <= IMAGE_LIMIT && total > IMAGE_LIMIT) {
      report(
        'MEMORY',
        ['guests', guest.name, 'memory'],
        `with this guest, storage and message memory are ${total} bytes`,
        `at most ${IMAGE_LIMIT} bytes (2 GiB - 64 KiB) for the whole machine`,
      );
    }
  }
}

function checkSize(bytes: number, least: number, path: Path, report: Report): void {
  if (bytes < least) {
    report('MEMORY', path, `${bytes} bytes are too small`, `at least ${least / 1024}KiB`);
  } else if (bytes % PAGE_BYTES !== 0) {
    report(
      'MEMORY',
      path,
      `${bytes} bytes are not whole pages`,
      `a multiple of ${PAGE_BYTES} bytes`,
    );
  }
}

function checkUuids(guests: readonly GuestConfig[], report: Report): void {
  const owners = new Map<string, string>();
  for (const guest of guests) {
    const owner = owners.get(guest.uuid);
    if (owner === undefined) owners.set(guest.uuid, guest.name);
    else {
      const path = ['guests', guest.name, 'uuid'];
      report(
        'DUPLICATE_UUID',
        path,
        `guest ${owner} has the UUID ${guest.uuid} too`,
        'a UUID of its own',
      );
    }
  }
}

/** No APQN belongs to two mdevs, unless both are virtual (VD-02: EADDRINUSE in Linux; vfio-ap.md V-04). */
function checkSharing(guests: readonly GuestConfig[], report: Report): void {
  const owners = new Map<number, GuestConfig>();
  for (const guest of guests) {
    const shared: number[] = [];
    let other: GuestConfig | undefined;
    for (const apqn of realApqnsOf(guest)) {
      const owner = owners.get(apqn);
      if (owner === undefined) owners.set(apqn, guest);
      else if (owner.virtualMdev === undefined || guest.virtualMdev === undefined) {
        shared.push(apqn);
        other ??= owner;
      }
    }
    if (other !== undefined) {
      const listed = shared.slice(0, 4).map(formatApqn).join(', ');
      const more = shared.length > 4 ? ` and ${shared.length - 4} more` : '';
      report(
        'OVERLAP',
        ['guests', guest.name, 'mdev'],
        `guest ${guest.name} shares ${listed}${more} with guest ${other.name}`,
        'no APQN in two mdevs',
      );
    }
  }
}

const allReal = (numbers: readonly VirtualNumber[] | undefined): number[] => [
  ...new Set((numbers ?? []).flatMap(({ real }) => real)),
];

function* realApqnsOf({ mdev, virtualMdev }: GuestConfig): Generator<number> {
  for (const apid of mdev?.adapters ?? allReal(virtualMdev?.adapters)) {
    for (const apqi of mdev?.domains ?? allReal(virtualMdev?.domains)) yield (apid << 8) | apqi;
  }
}

/** Everything that is allowed and will surprise. */
export function warnAbout(config: Complete, warn: Warn): void {
  const { adapters, usageDomains, controlDomains } = config.machine;
  warnAboutTypes(config.machine, warn);
  warnAboutReplies(config, warn);
  warnAboutQueues(config, warn);
  for (const guest of config.guests) {
    const path: Path = ['guests', guest.name];
    const mdev: Path = [...path, 'mdev'];
    const provided: readonly [keyof MdevConfig, string, (n: number) => boolean][] = [
      ['adapters', 'adapter', (apid) => adapters.has(apid)],
      ['domains', 'usage domain', (apqi) => usageDomains.includes(apqi)],
      ['controlDomains', 'control domain', (apqi) => controlDomains.includes(apqi)],
    ];
    for (const [key, noun, exists] of provided) {
      const missing = (guest.mdev?.[key] ?? []).filter((number) => !exists(number));
      if (missing.length === 0) continue;
      const list = missing.map((number) => `0x${number.toString(16).padStart(2, '0')}`).join(', ');
      warn(
        'OVERPROVISIONED',
        [...mdev, key],
        `the machine has no ${noun} ${list}: the guest will not see it`,
      );
    }
    if (guest.facilities.includes(65) && !guest.facilities.includes(15)) {
      warn(
        'NO_APFT',
        [...path, 'facilities'],
        'facility 65 without 15: Linux 6.12 issues TAPQ with T=1 and takes a specification exception',
      );
    }
  }
}

/** The mode of cards a reply is for; undefined: any. */
function modeOfReply(reply: InjectedReply): AdapterMode | undefined {
  return reply.kind === 'cca' || reply.kind === 'ep11' ? reply.kind : undefined;
}

/** Injected replies that the queue's card never gives (CD-12: the reply stays as it is). */
function warnAboutReplies(config: Complete, warn: Warn): void {
  config.faults.forEach((fault, index) => {
    if (fault?.effect.kind !== 'reply' || fault.apqn === undefined) return;
    const { mode } = config.machine.adapters.get(fault.apqn >>> 8) ?? {};
    const wanted = modeOfReply(fault.effect.reply);
    if (mode === undefined || wanted === undefined || mode === wanted) return;
    const message = `adapter ${fault.apqn >>> 8} is in mode ${mode}: a reply of mode ${wanted} changes nothing`;
    warn('REPLY', ['faults', index, 'reply'], message);
  });
}

/** A queue may come later, but mostly its number is a slip. */
function warnAboutQueues(config: Complete, warn: Warn): void {
  const { adapters, usageDomains } = config.machine;
  config.faults.forEach((fault, index) => {
    if (fault?.apqn === undefined) return;
    if (adapters.has(fault.apqn >>> 8) && usageDomains.includes(fault.apqn & 0xff)) return;
    const message = `fault ${printFault(fault)}: there is no queue ${formatApqn(fault.apqn)} (it strikes when one comes)`;
    warn('FAULT_QUEUE', ['faults', index, 'apqn'], message);
  });
}

function warnAboutTypes(machine: PartitionConfig, warn: Warn): void {
  const row = MACHINE_PROFILES.find((candidate) => candidate.name === machine.profile);
  for (const { apid, type } of machine.adapters.values()) {
    if (row === undefined || row.types.includes(type)) continue;
    const name = adapterType(type)?.name ?? `type ${type}`;
    warn(
      'TYPE',
      ['machine', 'adapters'],
      `adapter ${apid}: a ${row.name} has no slot for a ${name}`,
    );
  }
}

const oneOf = (names: ReadonlySet<string>): string => {
  if (names.size === 0) return 'a guest of this configuration';
  const more = names.size > NAMES_SHOWN ? ', …' : '';
  return `one of ${[...names].slice(0, NAMES_SHOWN).join(', ')}${more}`;
};
