// SPDX-License-Identifier: Apache-2.0
// Lines about everything that is not a guest: faults, the operator of the partition, the administrator of the host.
// Source: docs/design.md sections 5 and 6; docs/reference/vfio-ap.md section 3.1.
import type { FaultConfig, FaultEffect, FaultTrigger } from '../config/types.ts';
import type { Random, Weighted } from '../lpar/random.ts';
import type { Statement } from '../program/ast.ts';
import { LPAR_VERBS, type LparOperand, type LparVerb } from '../program/lpar-verbs.ts';
import type { MachineFacts } from './machine-facts.ts';
import { clockLine, faultLine, lparLine, sysfsLine } from './statements.ts';

/** A line, and what takes its effect back: without that a stream would soon see nothing but missing queues. */
export interface HostLines {
  readonly line: Statement;
  readonly repair: readonly Statement[];
}

const KINDS: Weighted<'fault' | 'lpar' | 'sysfs'> = [
  [4, 'fault'],
  [4, 'lpar'],
  [3, 'sysfs'],
];

const CODES = [
  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x10, 0x11, 0x13, 0x15, 0x16,
  0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x42, 0x7f, 0xff,
];
const FAULT_AT = ['tapq', 'rapq', 'zapq', 'aqic', 'bapq', 'aapq', 'nqap', 'dqap', 'any'] as const;

const effect = (random: Random): FaultEffect =>
  random.pick<() => FaultEffect>([
    () => ({ kind: 'rc', rc: random.pick(CODES) }),
    () => ({ kind: 'rc', rc: random.pick(CODES) }),
    () => ({ kind: 'cc', cc: 2, everyBytes: undefined }),
    () => ({ kind: 'drop' }),
    () => ({ kind: 'delay', delayNs: random.pick([100_000, 5_000_000]) }),
    () => ({ kind: 'reorder', places: 1 + random.below(3) }),
  ])();

const trigger = (random: Random): FaultTrigger =>
  random.chance(70)
    ? { kind: 'count', count: 1 + random.below(3) }
    : { kind: 'probability', probability: 0.25 };

const fault = (facts: MachineFacts, random: Random): Statement => {
  if (random.chance(25)) return faultLine('clear');
  const { queues, config } = facts;
  const byGuest = queues.length === 0 || (config.guests.length > 0 && random.chance(30));
  if (byGuest && config.guests.length === 0) return faultLine('clear');
  const found = effect(random);
  const message = found.kind !== 'rc';
  const declared: FaultConfig = {
    guest: byGuest ? random.pick(config.guests).name : undefined,
    apqn: byGuest ? undefined : random.pick(queues),
    on: message ? 'nqap' : random.pick(FAULT_AT),
    effect: found,
    trigger: trigger(random),
  };
  return faultLine(declared);
};

const VALUES: Readonly<Record<LparOperand, (facts: MachineFacts, random: Random) => number>> = {
  apid: ({ queues }, random) => (queues.length === 0 ? 0 : random.pick(queues) >>> 8),
  apqi: ({ queues }, random) => (queues.length === 0 ? 0 : random.pick(queues) & 0xff),
  apqn: ({ queues }, random) => (queues.length === 0 ? 0 : random.pick(queues)),
  duration: (_space, random) => random.pick([100_000, 2_000_000]),
  rc: (_space, random) => random.pick([0x35, 0x36]),
};

/** What takes an operator's action back; the host's bus sees queues come with its next scan. */
const INVERSES: Readonly<Partial<Record<LparVerb, LparVerb>>> = {
  deconfigure: 'configure',
  checkstop: 'recover',
  'remove-adapter': 'add-adapter',
  'remove-domain': 'add-domain',
  'remove-control-domain': 'add-control-domain',
};
const SCAN_NS = 31_000_000_000;

const lpar = (facts: MachineFacts, random: Random): HostLines => {
  const { verb, operands } = random.pick(LPAR_VERBS);
  const values = operands.map((operand) => VALUES[operand](facts, random));
  const inverse = INVERSES[verb];
  const repair = inverse === undefined ? [] : [lparLine(inverse, values), clockLine(SCAN_NS)];
  return { line: lparLine(verb, values), repair };
};

const MATRIX = '/sys/devices/vfio_ap/matrix';

/** Two commands: something, and what takes it back. */
const commands = (facts: MachineFacts, random: Random): readonly [string, string] => {
  const { guests, machine } = facts.config;
  const apid = random.pick([...machine.adapters.keys(), 0]);
  const apqi = random.pick([...machine.usageDomains, 0]);
  const { name, mdev } = random.pick(guests);
  const folder = `${MATRIX}/$${name}`;
  const file = random.pick(['adapter', 'domain', 'control_domain'] as const);
  const id = file === 'adapter' ? apid : apqi;
  const given = (file === 'adapter' ? mdev?.adapters : mdev?.domains) ?? [];
  const own = given.length > 0 && random.chance(60) ? random.pick(given) : id;
  const verbs = given.includes(own) ? ['unassign', 'assign'] : ['assign', 'unassign'];
  const write = (verb: string | undefined) => `echo ${own} > ${folder}/${verb}_${file}`;
  return random.pick<() => readonly [string, string]>([
    () => [write(verbs[0]), write(verbs[1])],
    () => [`detach ${name}`, `attach ${name}`],
    () => [`cat ${folder}/guest_matrix`, `cat ${folder}/matrix`],
    () => [`echo +${apid} > /sys/bus/ap/apmask`, `echo -${apid} > /sys/bus/ap/apmask`],
    () => [`echo -${apqi} > /sys/bus/ap/aqmask`, `echo +${apqi} > /sys/bus/ap/aqmask`],
  ])();
};

const sysfs = (facts: MachineFacts, random: Random): HostLines => {
  if (facts.config.guests.length === 0)
    return { line: sysfsLine('cat /sys/bus/ap/apmask'), repair: [] };
  const [line, repair] = commands(facts, random);
  return { line: sysfsLine(line), repair: [sysfsLine(repair)] };
};

/** One line about the host side. */
export const hostLine = (facts: MachineFacts, random: Random): HostLines => {
  switch (random.weighted(KINDS)) {
    case 'fault':
      return { line: fault(facts, random), repair: [] };
    case 'lpar':
      return lpar(facts, random);
    default:
      return sysfs(facts, random);
  }
};
