// SPDX-License-Identifier: Apache-2.0
// A new scenario from one that reached something: events inserted, dropped, moved, changed, spliced with another's.
import { replyField, replyFieldMax } from '../cex/reply-fields.ts';
import type { Random, Weighted } from '../lpar/random.ts';
import type { EventStatement } from '../program/ast.ts';
import type { Occasion, ScenarioEvent, Trigger } from '../program/events.ts';
import { eventLine } from '../scenario/text.ts';
import type { TargetTerrain } from '../target/target.ts';
import { bounded, codeFor, isBounded, randomEvent } from './generate.ts';

/** Longest scenario: what is longer says less. */
const EVENTS_MAX = 16;

type Way = 'insert' | 'drop' | 'move' | 'event' | 'queue' | 'copy' | 'splice';
const WAYS: Weighted<Way> = [
  [8, 'insert'],
  [3, 'drop'],
  [5, 'move'],
  [5, 'event'],
  [2, 'queue'],
  [2, 'copy'],
  [3, 'splice'],
];

const movedOccasion = (random: Random, { kind, n }: Occasion): Occasion => {
  if (random.chance(10)) return { kind: random.pick(['nth', 'from', 'every'] as const), n };
  const by = random.pick([-3, -1, -1, 1, 1, 2, 5]);
  return { kind, n: Math.max(1, n + by) };
};

/** The same event at another occasion or time. */
const moved = (random: Random, { trigger, event }: EventStatement): EventStatement => {
  const shifted = (): Trigger => {
    switch (trigger.kind) {
      case 'start':
        return { kind: 'at', timeNs: random.pick([100_000, 1_000_000, 1_000_000_000]) };
      case 'at':
        return {
          kind: 'at',
          timeNs: Math.round((trigger.timeNs * random.pick([1, 5, 20, 40])) / 10),
        };
      default:
        return { ...trigger, occasion: movedOccasion(random, trigger.occasion) };
    }
  };
  return eventLine(isBounded(event) ? bounded(shifted()) : shifted(), event);
};

/** The same kind of event with another operand. */
const changedEvent = (random: Random, trigger: Trigger, event: ScenarioEvent): ScenarioEvent => {
  switch (event.kind) {
    case 'rc':
      return { kind: 'rc', rc: codeFor(random, trigger.kind === 'on' ? trigger.on : 'any') };
    case 'cc':
      return { kind: 'cc', cc: 2, everyBytes: random.pick([1, 8, 64, 200]) };
    case 'delay':
      return { kind: 'delay', delayNs: event.delayNs * random.pick([2, 10]) };
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
  { queues }: TargetTerrain,
): EventStatement => {
  const apqn = queues.length === 0 || random.chance(30) ? undefined : random.pick(queues);
  if (line.event.kind === 'request') return eventLine(line.trigger, { ...line.event, apqn });
  return line.trigger.kind === 'on' ? eventLine({ ...line.trigger, apqn }, line.event) : line;
};

/** One change. `other` gives events to splice in. */
const mutateOnce = (
  random: Random,
  events: readonly EventStatement[],
  other: readonly EventStatement[],
  terrain: TargetTerrain,
): EventStatement[] => {
  const at = random.below(Math.max(1, events.length));
  const line = events[at];
  const way = random.weighted(WAYS);
  if (line === undefined || way === 'insert')
    return [...events.slice(0, at), randomEvent(random, terrain), ...events.slice(at)];
  const replaced = (by: EventStatement): EventStatement[] =>
    events.with(at, by) as EventStatement[];
  switch (way) {
    case 'drop':
      return events.length > 1 ? events.toSpliced(at, 1) : [...events];
    case 'move':
      return replaced(moved(random, line));
    case 'event':
      return replaced(eventLine(line.trigger, changedEvent(random, line.trigger, line.event)));
    case 'queue':
      return replaced(withQueue(random, line, terrain));
    case 'copy':
      return [...events, moved(random, withQueue(random, line, terrain))];
    default:
      return [...events.slice(0, at + 1), ...other.slice(random.below(Math.max(1, other.length)))];
  }
};

/** A new scenario from `parent`; `other` is another one of the corpus. */
export const mutate = (
  random: Random,
  parent: readonly EventStatement[],
  other: readonly EventStatement[],
  terrain: TargetTerrain,
): EventStatement[] => {
  let events: EventStatement[] = [...parent];
  const changes = 1 + random.below(random.chance(70) ? 2 : 5);
  for (let n = 0; n < changes; n++) events = mutateOnce(random, events, other, terrain);
  return events.slice(0, EVENTS_MAX);
};
