// SPDX-License-Identifier: Apache-2.0
// Makes a new scenario from one that has reached something: events are inserted, aimed, dropped, moved, changed, repeated, taken back, or
// spliced in from another scenario.
import { replyField, replyFieldMax } from '../cex/reply-fields.ts';
import type { Random, Weighted } from '../lpar/random.ts';
import type { EventStatement } from '../program/ast.ts';
import type { Occasion, ScenarioEvent, Trigger } from '../program/events.ts';
import { eventLine } from '../scenario/text.ts';
import type { ScenarioSpace } from '../target/target.ts';
import { NS_PER_SECOND } from '../units.ts';
import { aimedEvents } from './aimed.ts';
import { beside } from './beside.ts';
import { fileRoundTrip } from './file-events.ts';
import { codeFor, lineOf, randomEvent } from './generate.ts';
import { thereAndBack } from './host-events.ts';
import { hostSequence } from './host-sequence.ts';
import { storm } from './storms.ts';
import { together } from './together.ts';
import { anyTrigger, type SearchContext } from './triggers.ts';

/** Highest number of events and of requests in a scenario. Longer ones take more time and show less. */
const EVENTS_MAX = 14;
const SCENARIO_REQUESTS = 48;
/**
 * With more events than this, changes drop some as often as they add some, so that events which a scenario does not need are lost again.
 */
const EVENTS_ENOUGH = 10;
/** Latest time of an event, and longest delay of a reply. A driver that gives requests up has done so by then. */
const LATEST_NS = 120 * NS_PER_SECOND;
const SLOWEST_NS = 400 * NS_PER_SECOND;

type Way =
  | 'insert'
  | 'aim'
  | 'drop'
  | 'move'
  | 'event'
  | 'queue'
  | 'copy'
  | 'repeat'
  | 'there and back'
  | 'file and back'
  | 'together'
  | 'beside'
  | 'storm'
  | 'host'
  | 'splice';
const WAYS: Weighted<Way> = [
  [8, 'insert'],
  [4, 'aim'],
  [3, 'drop'],
  [5, 'move'],
  [5, 'event'],
  [2, 'queue'],
  [2, 'copy'],
  [3, 'repeat'],
  [2, 'there and back'],
  [3, 'splice'],
];
/** Ways to change a scenario of a kernel, whose user has files and does several things at the same time. */
const KERNEL_WAYS: Weighted<Way> = [
  ...WAYS,
  [3, 'file and back'],
  [8, 'together'],
  [8, 'beside'],
  [3, 'storm'],
];

const movedOccasion = (random: Random, { kind, n }: Occasion): Occasion => {
  if (random.chance(10)) return { kind: random.pick(['nth', 'from', 'every'] as const), n };
  const by = random.pick([-3, -1, -1, 1, 1, 2, 5]);
  return { kind, n: Math.max(1, n + by) };
};

/** The administrator of a host has guests to give queues to. */
const HOST_WAYS: Weighted<Way> = [...KERNEL_WAYS, [16, 'host']];

const waysFor = ({ files, isHost = false }: ScenarioSpace): Weighted<Way> => {
  if (files === undefined) return WAYS;
  return isHost ? HOST_WAYS : KERNEL_WAYS;
};

/** The same event, on another occasion or at another time. */
const moved = (random: Random, { trigger, event }: EventStatement): EventStatement => {
  const shifted = (): Trigger => {
    switch (trigger.kind) {
      case 'start':
        return { kind: 'at', timeNs: random.pick([100_000, 1_000_000, 1_000_000_000]) };
      case 'at':
        return {
          kind: 'at',
          timeNs: Math.min(
            LATEST_NS,
            Math.round((trigger.timeNs * random.pick([1, 5, 20, 40])) / 10),
          ),
        };
      default:
        return { ...trigger, occasion: movedOccasion(random, trigger.occasion) };
    }
  };
  return lineOf(shifted(), event);
};

/** The same kind of event, with another operand. */
const changedEvent = (random: Random, trigger: Trigger, event: ScenarioEvent): ScenarioEvent => {
  switch (event.kind) {
    case 'rc':
      return { kind: 'rc', rc: codeFor(random, trigger.kind === 'on' ? trigger.on : 'any') };
    case 'cc':
      return { kind: 'cc', cc: 2, everyBytes: random.pick([1, 8, 64, 200]) };
    case 'delay':
      return {
        kind: 'delay',
        delayNs: Math.min(SLOWEST_NS, event.delayNs * random.pick([2, 10])),
      };
    case 'reorder':
      return { kind: 'reorder', places: 1 + random.below(4) };
    case 'field': {
      const row = replyField(event.field);
      if (row === undefined || event.field === 'psmid') return event;
      const value = event.value ^ (1 << random.below(12));
      return { ...event, value: Math.min(Math.max(value, 0), replyFieldMax(row)) };
    }
    case 'request':
      return { ...event, count: 1 + random.below(12) };
    default:
      return event;
  }
};

const withQueue = (
  random: Random,
  line: EventStatement,
  { queues }: ScenarioSpace,
): EventStatement => {
  const apqn = queues.length === 0 || random.chance(30) ? undefined : random.pick(queues);
  if (line.event.kind === 'request') return eventLine(line.trigger, { ...line.event, apqn });
  return line.trigger.kind === 'on' ? eventLine({ ...line.trigger, apqn }, line.event) : line;
};

/** The same event, at the executions or moments that follow too. */
const repeated = (random: Random, { trigger, event }: EventStatement): EventStatement[] => {
  const times = 1 + random.below(3);
  const at = (step: number): Trigger => {
    if (trigger.kind === 'start') return { kind: 'at', timeNs: step * 1_000_000 };
    if (trigger.kind === 'at')
      return { kind: 'at', timeNs: Math.min(LATEST_NS, trigger.timeNs + step * NS_PER_SECOND) };
    return { ...trigger, occasion: { kind: 'nth', n: trigger.occasion.n + step } };
  };
  return Array.from({ length: times }, (_, step) => lineOf(at(step + 1), event));
};

/** An event that happens to a queue at one moment, and another that takes it back later. */
const roundTrip = (random: Random, context: SearchContext): EventStatement[] => {
  const { space } = context;
  const apqn = space.queues.length === 0 ? 0 : random.pick(space.queues);
  const [there, back] = thereAndBack(random, apqn, space);
  return [
    lineOf(anyTrigger(random, context), there),
    lineOf(anyTrigger(random, context), back),
    ...(random.chance(50) ? [lineOf(anyTrigger(random, context), { kind: 'scan' } as const)] : []),
  ];
};

/** Makes one change. `other` returns events to splice in. */
const mutateOnce = (
  random: Random,
  events: readonly EventStatement[],
  other: readonly EventStatement[],
  context: SearchContext,
): EventStatement[] => {
  const at = random.below(Math.max(1, events.length));
  const line = events[at];
  const { space } = context;
  const tooLong = events.length > EVENTS_ENOUGH && random.chance(50);
  const way = tooLong ? 'drop' : random.weighted(waysFor(space));
  const inserted = (...added: EventStatement[]): EventStatement[] =>
    events.toSpliced(at, 0, ...added);
  if (line === undefined || way === 'insert') return inserted(randomEvent(random, context));
  const replaced = (by: EventStatement): EventStatement[] =>
    events.with(at, by) as EventStatement[];
  switch (way) {
    case 'aim': {
      const aimed = aimedEvents(random, context);
      return inserted(...(aimed.length > 0 ? aimed : [randomEvent(random, context)]));
    }
    case 'there and back':
      return inserted(...roundTrip(random, context));
    case 'file and back':
      return inserted(
        ...fileRoundTrip(random, space.files ?? []).map((event) =>
          lineOf(anyTrigger(random, context), event),
        ),
      );
    case 'together':
      return inserted(...(together(random, space) ?? [randomEvent(random, context)]));
    case 'storm':
      return inserted(...storm(random, context));
    case 'beside':
      return inserted(...(beside(random, space) ?? [randomEvent(random, context)]));
    case 'host':
      return inserted(...hostSequence(random, space));
    case 'repeat':
      return inserted(...repeated(random, line));
    case 'drop':
      return events.length > 1 ? events.toSpliced(at, 1) : [...events];
    case 'move':
      return replaced(moved(random, line));
    case 'event':
      return replaced(eventLine(line.trigger, changedEvent(random, line.trigger, line.event)));
    case 'queue':
      return replaced(withQueue(random, line, space));
    case 'copy':
      return [...events, moved(random, withQueue(random, line, space))];
    default:
      return [...events.slice(0, at + 1), ...other.slice(random.below(Math.max(1, other.length)))];
  }
};

/** The scenario, cut to the highest number of events and requests. */
const short = (events: readonly EventStatement[]): EventStatement[] => {
  let left = SCENARIO_REQUESTS;
  return events.slice(0, EVENTS_MAX).flatMap((line) => {
    const { event, trigger } = line;
    if (event.kind !== 'request') return [line];
    const count = Math.min(event.count, left);
    left -= count;
    if (count === 0) return [];
    return [count === event.count ? line : eventLine(trigger, { ...event, count })];
  });
};

/** A new scenario made from `parent`. `other` is another scenario of the corpus. */
export const mutate = (
  random: Random,
  parent: readonly EventStatement[],
  other: readonly EventStatement[],
  context: SearchContext,
): EventStatement[] => {
  let events: EventStatement[] = [...parent];
  const changes = 1 + random.below(random.chance(70) ? 2 : 5);
  for (let n = 0; n < changes; n++) events = mutateOnce(random, events, other, context);
  return short(events);
};
