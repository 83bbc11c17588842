// SPDX-License-Identifier: Apache-2.0
// Draws events from tables: response codes of the architecture, fields of replies, verbs of the operator, what a user asks.
// Source: native-like/arch/response-codes.ts, src/cex/reply-fields.ts, src/program/lpar-verbs.ts.
import { RESPONSE_CODES } from '../../native-like/arch/response-codes.ts';
import { CCA, EP11, REPLY_CODES } from '../cex/messages/reply-codes.ts';
import { REPLY_FIELDS } from '../cex/reply-fields.ts';
import type { InjectedReply } from '../config/types.ts';
import { Random, type Weighted } from '../lpar/random.ts';
import type { EventStatement } from '../program/ast.ts';
import {
  type InterruptEvent,
  type MessageEvent,
  REQUEST_KINDS,
  type ScenarioEvent,
  type Trigger,
  type UserEvent,
} from '../program/events.ts';
import { eventLine } from '../scenario/text.ts';
import type { ScenarioSpace } from '../target/target.ts';
import { besideSeeds } from './beside.ts';
import { fileEvent, fileSeeds } from './file-events.ts';
import { DELAYS_NS, hostEvent } from './host-events.ts';
import { hostSeeds } from './host-sequence.ts';
import { anyTrigger, FUNCTIONS, onExecution, onFunction, type SearchContext } from './triggers.ts';

/** Response codes that a function can return, by the function's name. */
const CODES = new Map(
  FUNCTIONS.map(([, { name, letter }]) => [
    name as string,
    RESPONSE_CODES.filter((row) => (row.handled + row.mayOccur).includes(letter)).map(
      (row) => row.code,
    ),
  ]),
);
const ALL_CODES = RESPONSE_CODES.map(({ code }) => code);

/** Distances in bytes at which instructions are interrupted: within headers, within messages. */
const EVERY_BYTES = [1, 8, 16, 64, 256];

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
/** Kinds of events for a kernel, whose user does more than the user of a driver. */
const KERNEL_KINDS: Weighted<Kind> = [...KINDS, [6, 'user']];

/** How many requests a user makes at a time. */
const REQUESTS = [1, 1, 2, 3, 5, 10];

/** A response code for a function, mostly one that the function can return. */
export const codeFor = (random: Random, name: string): number => {
  const codes = CODES.get(name) ?? ALL_CODES;
  if (random.chance(3)) return random.below(256);
  return random.pick(random.chance(95) ? codes : ALL_CODES);
};

/** Events that may happen at every execution, since the driver must be able to come to an end with them. */
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
 * Whether an event may happen once only. It is not the driver's fault if an instruction never gets on, or if each instruction causes new
 * requests, interruptions or hot plugging.
 */
const isBounded = (event: ScenarioEvent): boolean => {
  if (event.kind === 'interrupt') return event.how === 'spurious' || event.how === 'early';
  return !ENDLESS.has(event.kind);
};

/** The trigger, limited to one occasion. */
const bounded = (trigger: Trigger): Trigger => {
  if (trigger.kind !== 'on' && trigger.kind !== 'idle') return trigger;
  return { ...trigger, occasion: { kind: 'nth', n: trigger.occasion.n } };
};

/** Lengths of replies that the user gets: RSA-2048 of an accelerator and of CCA, a query, random numbers. */
const REPLY_LENGTHS = [272, 532, 560, 4372];

/** Ends of headers, somewhat before the end, any place in a reply the user gets, and any length. */
const lengthOf = (random: Random): number => {
  if (random.chance(25)) return random.pick([1, 4, 7, 8, 16, 24, 32, 48, 64]);
  if (random.chance(30)) return random.pick(REPLY_LENGTHS) - 1 - random.below(32);
  return 1 + random.below(random.chance(85) ? random.pick(REPLY_LENGTHS) : 12288);
};

/** A reply that ends before or behind the end its headers tell. */
const otherLength = (random: Random): MessageEvent => ({
  kind: 'field',
  field: 'length',
  value: lengthOf(random),
});

/** Gives a reply a PSMID that belongs to no message. */
const strangePsmid = (random: Random): MessageEvent => ({
  kind: 'field',
  field: 'psmid',
  value: (0xf0000000 | random.below(16)) >>> 0,
});

/** Changes the PSMID, a field of the layouts, or a byte of the headers. */
const field = (random: Random): MessageEvent => {
  if (random.chance(20)) return strangePsmid(random);
  if (random.chance(8))
    return { kind: 'field', field: `byte${random.below(96)}`, value: random.below(256) };
  const { name, bytes } = random.pick(REPLY_FIELDS);
  if (name === 'psmid') return strangePsmid(random);
  if (name === 'length') return otherLength(random);
  const value = random.pick(VALUES) % 2 ** (8 * bytes);
  return { kind: 'field', field: name, value };
};

const CODES_OF_REPLIES: readonly number[] = [...new Set(REPLY_CODES.map(({ code }) => code))];
/** What cards answer in a whole reply to a request that fails: a key of another master key (CD-17), a keyword, an operand. */
const ANSWERS_OF_CARDS: readonly InjectedReply[] = [
  ...Object.values(CCA)
    .filter(({ rc }) => rc !== 0)
    .map(({ rc, rs }): InjectedReply => ({ kind: 'cca', rc, rs })),
  ...Object.values(EP11)
    .filter((rv) => rv !== EP11.ok)
    .map((rv): InjectedReply => ({ kind: 'ep11', rv })),
];

/** Something that happens to a message and its reply. */
export const messageEvent = (random: Random): MessageEvent => {
  switch (random.below(10)) {
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
    case 6:
      return { kind: 'reply', reply: random.pick(ANSWERS_OF_CARDS) };
    case 7:
      return otherLength(random);
    default:
      return field(random);
  }
};

const interrupt = (random: Random): InterruptEvent => {
  const how = random.pick(['lost', 'early', 'late', 'coalesced', 'spurious'] as const);
  return { kind: 'interrupt', how, delayNs: how === 'late' ? random.pick(DELAYS_NS) : undefined };
};

/** Mostly requests. Closing is rare, since not much happens after it. */
const userEvent = (random: Random, { queues, depth, files }: ScenarioSpace): UserEvent => {
  if (files !== undefined && random.chance(55)) return fileEvent(random, files);
  if (random.chance(12)) return files ? { kind: 'signal' } : { kind: 'close', guest: undefined };
  return {
    kind: 'request',
    guest: undefined,
    // Now and then more than a queue holds.
    count: random.pick([...REQUESTS, depth + 2]),
    apqn: queues.length === 0 || random.chance(60) ? undefined : random.pick(queues),
    what: random.chance(70) ? undefined : random.pick(REQUEST_KINDS),
  };
};

/** The line of an event. An event that may happen once only gets a trigger that does. */
export const lineOf = (trigger: Trigger, event: ScenarioEvent): EventStatement =>
  eventLine(isBounded(event) ? bounded(trigger) : trigger, event);

/** A random event, with a trigger that suits it. */
export const randomEvent = (random: Random, context: SearchContext): EventStatement => {
  const { space } = context;
  const onNqap = (): Trigger => onFunction(random, context, 'nqap');
  switch (random.weighted(space.files === undefined ? KINDS : KERNEL_KINDS)) {
    case 'code': {
      const trigger = onExecution(random, context);
      const name = trigger.kind === 'on' ? trigger.on : 'any';
      return lineOf(trigger, { kind: 'rc', rc: codeFor(random, name) });
    }
    case 'condition': {
      const cc = random.chance(25) ? 1 : 2;
      const everyBytes = cc === 2 && random.chance(75) ? random.pick(EVERY_BYTES) : undefined;
      const trigger = onFunction(random, context, random.pick(['nqap', 'dqap'] as const));
      return lineOf(trigger, { kind: 'cc', cc, everyBytes });
    }
    case 'message':
      return lineOf(onNqap(), messageEvent(random));
    case 'interrupt': {
      const event = interrupt(random);
      return lineOf(event.how === 'spurious' ? anyTrigger(random, context) : onNqap(), event);
    }
    case 'host':
      return lineOf(anyTrigger(random, context), hostEvent(random, space));
    case 'user': {
      if (!space.hasUser) return lineOf(anyTrigger(random, context), { kind: 'scan' });
      const trigger: Trigger = random.chance(30) ? { kind: 'start' } : anyTrigger(random, context);
      return lineOf(trigger, userEvent(random, space));
    }
  }
};

/** For a kernel: as many requests of a queue as there are processes for them, so that there is one of each kind. */
const KERNEL_REQUESTS = 12;

/** The scenarios a corpus begins with are the same for every seed of a campaign. */
const SEEDS_RANDOM = 1;

/** Each error code as the reply to all requests of one queue: of any queue, others would take them over. */
const errorSeeds = (
  queues: readonly number[],
  request: (count: number, apqn: number | undefined) => EventStatement,
): EventStatement[][] =>
  CODES_OF_REPLIES.map((code, n) => {
    const apqn = queues[n % queues.length];
    const trigger: Trigger = {
      kind: 'on',
      guest: undefined,
      on: 'nqap',
      apqn,
      occasion: { kind: 'from', n: 1 },
    };
    return [
      request(KERNEL_REQUESTS, apqn),
      lineOf(trigger, { kind: 'reply', reply: { kind: 'code', in: '82', code } } as const),
    ];
  });

/** Scenarios with which every corpus begins: the driver at work and nothing wrong; for a kernel also each error code. */
export const seeds = (space: ScenarioSpace): EventStatement[][] => {
  const { queues, hasUser, files } = space;
  if (!hasUser) return [[eventLine({ kind: 'at', timeNs: 0 }, { kind: 'scan' })]];
  const request = (count: number, apqn: number | undefined): EventStatement =>
    eventLine(
      { kind: 'start' },
      { kind: 'request', guest: undefined, count, apqn, what: undefined },
    );
  return [
    [request(3, undefined)],
    [request(10, undefined)],
    ...(files === undefined
      ? queues.slice(0, 4).map((apqn) => [request(4, apqn)])
      : queues.map((apqn) => [request(KERNEL_REQUESTS, apqn)])),
    ...fileSeeds(files ?? []).map((events) => [request(2, undefined), ...events]),
    ...hostSeeds(space),
    ...(files === undefined ? [] : errorSeeds(queues, request)),
    ...(files === undefined ? [] : besideSeeds(new Random(SEEDS_RANDOM), space)),
  ];
};
