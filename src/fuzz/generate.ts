// SPDX-License-Identifier: Apache-2.0
// Events drawn from tables: response codes of the architecture, fields of replies, verbs of the operator, what a user asks.
// Source: native-like/arch/response-codes.ts, src/cex/reply-fields.ts, src/program/lpar-verbs.ts.
import { RESPONSE_CODES } from '../../native-like/arch/response-codes.ts';
import { REPLY_CODES } from '../cex/messages/reply-codes.ts';
import { REPLY_FIELDS } from '../cex/reply-fields.ts';
import type { FaultInstruction } from '../config/types.ts';
import type { Random, Weighted } from '../lpar/random.ts';
import type { EventStatement } from '../program/ast.ts';
import {
  type HostEvent,
  type InterruptEvent,
  type MessageEvent,
  type Occasion,
  REQUEST_KINDS,
  type ScenarioEvent,
  type Trigger,
  type UserEvent,
} from '../program/events.ts';
import { eventLine } from '../scenario/text.ts';
import type { TargetTerrain } from '../target/target.ts';

/** Functions a driver executes, and their letters in the table of response codes. */
const FUNCTIONS: Weighted<{ readonly name: FaultInstruction; readonly letter: string }> = [
  [8, { name: 'dqap', letter: 'D' }],
  [8, { name: 'nqap', letter: 'N' }],
  [5, { name: 'tapq', letter: 'T' }],
  [3, { name: 'aqic', letter: 'A' }],
  [3, { name: 'rapq', letter: 'R' }],
  [3, { name: 'zapq', letter: 'Z' }],
];

const LETTERS = new Map(FUNCTIONS.map(([, { name, letter }]) => [name as string, letter]));

/** Response codes that a function can answer, by its name. */
const CODES = new Map(
  FUNCTIONS.map(([, { name, letter }]) => [
    name as string,
    RESPONSE_CODES.filter((row) => (row.handled + row.mayOccur).includes(letter)).map(
      (row) => row.code,
    ),
  ]),
);
const ALL_CODES = RESPONSE_CODES.map(({ code }) => code);

/** Times around what cards and drivers take: polls, service, resets, timeouts, scans. */
const TIMES_NS: readonly number[] = [
  0, 10_000, 100_000, 300_000, 1_000_000, 5_000_000, 40_000_000, 250_000_000, 1_000_000_000,
  31_000_000_000,
];
const DELAYS_NS: readonly number[] = [
  1_000, 100_000, 1_000_000, 100_000_000, 2_000_000_000, 40_000_000_000,
];

const VALUES: readonly number[] = [
  0, 1, 2, 7, 8, 16, 48, 0x7f, 0x80, 0x82, 0x86, 0x8a, 0x90, 0xff, 4096,
];

type Kind = 'code' | 'condition' | 'message' | 'interrupt' | 'host' | 'user';
const KINDS: Weighted<Kind> = [
  [6, 'code'],
  [2, 'condition'],
  [5, 'message'],
  [2, 'interrupt'],
  [3, 'host'],
  [2, 'user'],
];

/** What a user may ask once more, at most. */
const REQUESTS = [1, 1, 2, 3, 5, 10];

const occasion = (random: Random): Occasion => {
  const n = random.chance(70) ? 1 + random.below(4) : 1 + random.below(16);
  if (random.chance(85)) return { kind: 'nth', n };
  return random.chance(50) ? { kind: 'from', n } : { kind: 'every', n: 1 + random.below(5) };
};

/** Codes of a function: mostly those it can answer. */
export const codeFor = (random: Random, name: string): number => {
  const codes = CODES.get(name) ?? ALL_CODES;
  if (random.chance(3)) return random.below(256);
  return random.pick(random.chance(95) ? codes : ALL_CODES);
};

const queueOf = (random: Random, { queues }: TargetTerrain): number | undefined =>
  queues.length === 0 || random.chance(50) ? undefined : random.pick(queues);

const on = (random: Random, terrain: TargetTerrain, name: FaultInstruction): Trigger => ({
  kind: 'on',
  guest: undefined,
  on: name,
  apqn: queueOf(random, terrain),
  occasion: occasion(random),
});

/** What may happen at every execution: the driver must come to an end with it. */
const ENDLESS: ReadonlySet<ScenarioEvent['kind']> = new Set([
  'rc',
  'delay',
  'drop',
  'duplicate',
  'reorder',
  'reply',
  'field',
]);

/**
 * Events that happen at one occasion: an instruction that never gets on, and requests, interruptions or hot plugging that each instruction
 * causes anew, are no driver's fault.
 */
export const isBounded = (event: ScenarioEvent): boolean => {
  if (event.kind === 'interrupt') return event.how === 'spurious' || event.how === 'early';
  return !ENDLESS.has(event.kind);
};

/** The trigger at one occasion. */
export const bounded = (trigger: Trigger): Trigger => {
  if (trigger.kind !== 'on' && trigger.kind !== 'idle') return trigger;
  return { ...trigger, occasion: { kind: 'nth', n: trigger.occasion.n } };
};

/** A trigger for what needs no instruction. */
const anyTrigger = (random: Random, terrain: TargetTerrain): Trigger => {
  const way = random.below(10);
  if (way < 4) return { kind: 'at', timeNs: random.pick(TIMES_NS) };
  if (way < 6) return { kind: 'idle', occasion: { kind: 'nth', n: 1 + random.below(4) } };
  return on(random, terrain, random.weighted(FUNCTIONS).name);
};

const field = (random: Random): MessageEvent => {
  const row = random.pick(REPLY_FIELDS);
  const { name } = row;
  if (name === 'psmid')
    return { kind: 'field', field: name, value: (0xf0000000 | random.below(16)) >>> 0 };
  if (name === 'length')
    return { kind: 'field', field: name, value: 1 + random.below(random.chance(70) ? 300 : 12288) };
  const value = random.pick(VALUES) % 2 ** (8 * row.bytes);
  return { kind: 'field', field: name, value };
};

const CODES_OF_REPLIES: readonly number[] = [...new Set(REPLY_CODES.map(({ code }) => code))];

const message = (random: Random): MessageEvent => {
  switch (random.below(8)) {
    case 0:
      return { kind: 'delay', delayNs: random.pick(DELAYS_NS) };
    case 1:
      return { kind: 'drop' };
    case 2:
      return { kind: 'duplicate' };
    case 3:
      return { kind: 'reorder', places: 1 + random.below(3) };
    case 4:
    case 5: {
      const where = random.pick(['82', '86', '87', '88'] as const);
      return {
        kind: 'reply',
        reply: { kind: 'code', in: where, code: random.pick(CODES_OF_REPLIES) },
      };
    }
    default:
      return field(random);
  }
};

const interrupt = (random: Random): InterruptEvent => {
  const how = random.pick(['lost', 'early', 'late', 'coalesced', 'spurious'] as const);
  return { kind: 'interrupt', how, delayNs: how === 'late' ? random.pick(DELAYS_NS) : undefined };
};

/** What happens to the hardware. Adapters and domains are those of the driver's queues. */
const host = (random: Random, { guest, queues }: TargetTerrain): HostEvent => {
  const apqn = queues.length === 0 ? 0 : random.pick(queues);
  const apid = apqn >>> 8;
  const apqi = apqn & 0xff;
  const file = `/sys/devices/vfio_ap/matrix/$${guest}`;
  return random.pick<() => HostEvent>([
    () => ({ kind: 'lpar', verb: 'deconfigure', values: [apid] }),
    () => ({ kind: 'lpar', verb: 'configure', values: [apid] }),
    () => ({ kind: 'lpar', verb: 'checkstop', values: [apid] }),
    () => ({ kind: 'lpar', verb: 'recover', values: [apid] }),
    () => ({ kind: 'lpar', verb: 'remove-adapter', values: [apid] }),
    () => ({ kind: 'lpar', verb: 'add-adapter', values: [apid] }),
    () => ({ kind: 'lpar', verb: 'remove-domain', values: [apqi] }),
    () => ({ kind: 'lpar', verb: 'add-domain', values: [apqi] }),
    () => ({ kind: 'lpar', verb: 'busy', values: [apqn, random.pick(DELAYS_NS)] }),
    () => ({ kind: 'sysfs', command: `echo ${apid} > ${file}/unassign_adapter` }),
    () => ({ kind: 'sysfs', command: `echo ${apid} > ${file}/assign_adapter` }),
    () => ({ kind: 'sysfs', command: `echo ${apqi} > ${file}/unassign_domain` }),
    () => ({ kind: 'sysfs', command: `echo ${apqi} > ${file}/assign_domain` }),
    () => ({ kind: 'host', mnemonic: random.pick(['rapq', 'zapq'] as const), apqn }),
    () => ({ kind: 'host', mnemonic: 'rapq', apqn }),
    () => ({ kind: 'scan' }),
  ])();
};

/** Requests, mostly; closing is rare, since not much happens after it. */
const userEvent = (random: Random, { queues }: TargetTerrain): UserEvent => {
  if (random.chance(12)) return { kind: 'close', guest: undefined };
  return {
    kind: 'request',
    guest: undefined,
    count: random.pick(REQUESTS),
    apqn: queues.length === 0 || random.chance(60) ? undefined : random.pick(queues),
    what: random.chance(70) ? undefined : random.pick(REQUEST_KINDS),
  };
};

/** One event, with a trigger that goes with it. */
export const randomEvent = (random: Random, terrain: TargetTerrain): EventStatement => {
  const kind = random.weighted(KINDS);
  const line = (trigger: Trigger, event: ScenarioEvent): EventStatement =>
    eventLine(isBounded(event) ? bounded(trigger) : trigger, event);
  switch (kind) {
    case 'code': {
      const { name } = random.weighted(FUNCTIONS);
      return line(on(random, terrain, name), { kind: 'rc', rc: codeFor(random, name) });
    }
    case 'condition': {
      const name = random.pick(['nqap', 'dqap'] as const);
      const cc = random.chance(25) ? 1 : 2;
      const everyBytes =
        cc === 2 && random.chance(75) ? random.pick([1, 8, 16, 64, 256]) : undefined;
      return line(on(random, terrain, name), { kind: 'cc', cc, everyBytes });
    }
    case 'message':
      return line(on(random, terrain, 'nqap'), message(random));
    case 'interrupt': {
      const event = interrupt(random);
      const spurious = event.how === 'spurious';
      return line(spurious ? anyTrigger(random, terrain) : on(random, terrain, 'nqap'), event);
    }
    case 'host':
      return line(anyTrigger(random, terrain), host(random, terrain));
    case 'user': {
      if (!terrain.hasUser) return line(anyTrigger(random, terrain), { kind: 'scan' });
      const trigger: Trigger = random.chance(30) ? { kind: 'start' } : anyTrigger(random, terrain);
      return line(trigger, userEvent(random, terrain));
    }
  }
};

/** The letter of a function in the table of response codes. */
export const letterOf = (name: string): string => LETTERS.get(name) ?? '';

/** Scenarios every corpus begins with: the driver at work, and nothing wrong. */
export const seeds = ({ queues, hasUser }: TargetTerrain): EventStatement[][] => {
  if (!hasUser) return [[eventLine({ kind: 'at', timeNs: 0 }, { kind: 'scan' })]];
  const request = (count: number, apqn: number | undefined): EventStatement =>
    eventLine(
      { kind: 'start' },
      { kind: 'request', guest: undefined, count, apqn, what: undefined },
    );
  return [
    [request(3, undefined)],
    [request(10, undefined)],
    ...queues.slice(0, 4).map((apqn) => [request(4, apqn)]),
  ];
};
