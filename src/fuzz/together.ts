// SPDX-License-Identifier: Apache-2.0
// Things that happen to one card of a kernel at the same time: its queues go while its user works with it. Code that keeps a pointer to a
// queue without holding a reference then uses it after it was freed.
// Source: docs/reference/fuzzing.md section 5 (G5, G6, G11).
import type { FaultInstruction } from '../config/types.ts';
import type { Random } from '../lpar/random.ts';
import type { EventStatement } from '../program/ast.ts';
import type { Occasion, ScenarioEvent, Trigger } from '../program/events.ts';
import type { KernelFile, ScenarioSpace } from '../target/target.ts';
import { fileRoundTrip } from './file-events.ts';
import { lineOf } from './generate.ts';
import { losing } from './host-events.ts';

/** Nanoseconds after which the queues go. Requests that were made at the start are on them by then. */
const MEETINGS_NS = [1_000_000, 5_000_000, 20_000_000] as const;
/** Nanoseconds from then until its user does something. A scan of the bus takes some milliseconds. */
const AFTER_NS = [0, 0, 100_000, 1_000_000, 3_000_000, 8_000_000] as const;
/** Instructions that the driver executes when it finds a queue gone or new. */
const AT_A_CHANGE: readonly FaultInstruction[] = ['zapq', 'rapq', 'tapq', 'dqap'];

/** Replies that come after the queue has gone, or never, so that the loss of the queue wakes whoever waits. */
const OUTSTANDING: readonly ScenarioEvent[] = [
  { kind: 'delay', delayNs: 100_000_000 },
  { kind: 'drop' },
];

const first: Occasion = { kind: 'from', n: 1 };

/** Requests that are on the queues of an adapter, or on one of them, when these go. */
const outstanding = (random: Random, queues: readonly number[]): EventStatement[] => {
  const apqn = random.pick(queues);
  const count = 1 + random.below(8);
  const held: Trigger = { kind: 'on', guest: undefined, on: 'nqap', apqn, occasion: first };
  return [
    lineOf({ kind: 'start' }, { kind: 'request', guest: undefined, count, apqn, what: undefined }),
    lineOf(held, random.pick(OUTSTANDING)),
  ];
};

/** What its user does to the card meanwhile: it uses one file of the card or of its queues several times. */
const works = (random: Random, files: readonly KernelFile[]): ScenarioEvent[] => {
  const ofQueues = random.chance(40);
  const some = files.filter(({ apqn }) => (apqn === undefined) !== ofQueues);
  const back = fileRoundTrip(random, some);
  const from = random.below(back.length);
  return Array.from({ length: 1 + random.below(3) }, (_, n) => back[(from + n) % back.length]);
};

/** Events for one card; undefined if the target has no queues or no files. */
export const together = (
  random: Random,
  { guest, queues, files = [] }: ScenarioSpace,
): EventStatement[] | undefined => {
  if (queues.length === 0 || files.length === 0) return undefined;
  const apqn = random.pick(queues);
  const own = queues.filter((one) => one >>> 8 === apqn >>> 8);
  const ofCard = files.filter(({ adapter, texts }) => adapter === apqn >>> 8 && texts.length > 0);
  const meetNs = random.pick(MEETINGS_NS);
  const at = (ns: number): Trigger => ({ kind: 'at', timeNs: meetNs + ns });
  const whenItMeets = (): Trigger => {
    if (random.chance(60)) return at(random.pick(AFTER_NS));
    const occasion: Occasion = { kind: 'nth', n: 1 + random.below(4) };
    return {
      kind: 'on',
      guest: undefined,
      on: random.pick(AT_A_CHANGE),
      apqn: undefined,
      occasion,
    };
  };
  return [
    ...(random.chance(70) ? outstanding(random, own) : []),
    lineOf(at(0), losing(random, apqn, guest)),
    lineOf(at(0), { kind: 'scan' }),
    ...works(random, ofCard).map((event) => lineOf(whenItMeets(), event)),
  ];
};
