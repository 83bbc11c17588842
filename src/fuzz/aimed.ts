// SPDX-License-Identifier: Apache-2.0
// Makes events that should reach a cell of architected coverage which few cases have met. Either a function is made to end with a code at
// a queue in a state, at an execution at which the driver was seen to meet that state; or the state is brought about at an execution that
// the driver was seen to make; or messages are left on a queue that the driver believes to be empty.
// Source: docs/design.md section 10.
import { FC_RAPQ } from '../../native-like/arch/function-codes.ts';
import { FUNCTION_DQAP, FUNCTION_NQAP } from '../../native-like/arch/function-numbers.ts';
import { AP_RESPONSE_NORMAL } from '../../native-like/arch/response-codes.ts';
import type { Random } from '../lpar/random.ts';
import type { EventStatement } from '../program/ast.ts';
import type { Trigger } from '../program/events.ts';
import { codeOfEnding, hasMessages, partsOf, QUEUE_STATES } from '../target/architected.ts';
import type { Seen } from '../target/seen.ts';
import type { ScenarioSpace } from '../target/target.ts';
import { codeFor, lineOf } from './generate.ts';
import { bringing } from './host-events.ts';
import { type SearchContext, triggerName } from './triggers.ts';

/** Number of cells that are tried before this is given up. */
const LOOKS = 4;
/** A queue is filled with so many messages more than its depth. */
const MORE_THAN_FULL = 2;
/**
 * Nanoseconds after something has gone wrong until drivers are told that the configuration may have changed, and how long replies take
 * from then on.
 */
const SCANS_NS = [1_000_000, 50_000_000, 1_000_000_000];
const SLOW_NS = 2_000_000_000;
/** By how many executions to go on from the first that met the state, since sometimes a later one is the interesting one. */
const FURTHER = [0, 0, 0, 1, 2];

/**
 * Scenarios of a corpus in which a function meets a queue in the state of one of `cells`, so that only another code is needed to reach
 * the cell.
 */
export const nearTo = <Entry extends { readonly seen: Seen }>(
  corpus: readonly Entry[],
  cells: readonly number[],
): Entry[] => {
  const wanted = new Set(cells.map((cell) => occasionOf(partsOf(cell))));
  return corpus.filter(({ seen }) => seen.states.some((row) => wanted.has(occasionOf(row))));
};

const occasionOf = ({ fn, state }: { readonly fn: number; readonly state: number }): number =>
  fn * QUEUE_STATES.length + state;

const on = (fn: number, apqn: number, n: number): Trigger => ({
  kind: 'on',
  guest: undefined,
  on: triggerName(fn),
  apqn,
  occasion: { kind: 'nth', n },
});

const filling = (apqn: number, { depth }: ScenarioSpace): EventStatement => {
  const count = depth + MORE_THAN_FULL;
  const request = { kind: 'request', guest: undefined, count, apqn, what: undefined } as const;
  return lineOf({ kind: 'start' }, request);
};

/**
 * Makes a reset that is answered but not done: the driver goes on with a queue that it believes to be empty and that still has its
 * messages, and executes there what it otherwise executes on empty queues only.
 */
const resetInVain = (
  random: Random,
  apqn: number,
  space: ScenarioSpace,
): readonly EventStatement[] => {
  const [fn, name] = random.pick([
    [FUNCTION_NQAP, 'nqap'],
    [FUNCTION_DQAP, 'dqap'],
  ] as const);
  const wrong = on(fn, apqn, 1 + random.below(space.depth + 1));
  const slow = lineOf(on(FUNCTION_NQAP, apqn, 1 + random.below(space.depth)), {
    kind: 'delay',
    delayNs: SLOW_NS,
  });
  return [
    filling(apqn, space),
    ...(random.chance(50) ? [slow] : []),
    lineOf(wrong, { kind: 'rc', rc: codeFor(random, name) }),
    lineOf(on(FC_RAPQ, apqn, 1), { kind: 'rc', rc: AP_RESPONSE_NORMAL }),
    lineOf({ kind: 'at', timeNs: random.pick(SCANS_NS) }, { kind: 'scan' }),
  ];
};

const aimedAt = (
  random: Random,
  cell: number,
  { space, seen }: SearchContext,
): readonly EventStatement[] => {
  const { fn, ending, state } = partsOf(cell);
  const code = codeOfEnding(ending);
  const met = seen.states.filter((row) => row.fn === fn && row.state === state);
  if (met.length > 0 && code !== undefined) {
    const { apqn, n } = random.pick(met);
    return [lineOf(on(fn, apqn, n + random.pick(FURTHER)), { kind: 'rc', rc: code })];
  }
  if (hasMessages(state)) {
    if (!space.hasUser || space.queues.length === 0) return [];
    const apqn = random.pick(space.queues);
    return random.chance(80) ? [filling(apqn, space)] : resetInVain(random, apqn, space);
  }
  const executed = seen.executions.filter((row) => row.fn === fn);
  if (executed.length === 0) return [];
  const { apqn, count } = random.pick(executed);
  const event = bringing(random, QUEUE_STATES[state], apqn, space);
  return event === undefined ? [] : [lineOf(on(fn, apqn, 1 + random.below(count)), event)];
};

/** Events aimed at the wanted cells; none if what the driver was seen to do gives no opportunity. */
export const aimedEvents = (random: Random, context: SearchContext): readonly EventStatement[] => {
  const { wanted } = context;
  for (let look = 0; look < LOOKS && wanted.length > 0; look++) {
    const events = aimedAt(random, random.pick(wanted), context);
    if (events.length > 0) return events;
  }
  return [];
};
