// SPDX-License-Identifier: Apache-2.0
// An event that should reach a cell of architected coverage few cases have met: a function ends with a code at a queue in a state, at an
// execution at which the driver was seen to meet that state; or the state is brought about at an execution it was seen to make.
// Source: docs/design.md section 10.
import type { Random } from '../lpar/random.ts';
import type { EventStatement } from '../program/ast.ts';
import type { Trigger } from '../program/events.ts';
import { codeOfEnding, partsOf, QUEUE_STATES } from '../target/architected.ts';
import type { Seen } from '../target/seen.ts';
import { lineOf } from './generate.ts';
import { bringing } from './host-events.ts';
import { type SearchContext, triggerName } from './triggers.ts';

/** Cells that are looked at before it is given up. */
const LOOKS = 4;
/** Messages that fill any queue. */
const FILLING = 40;
/** Executions further on than the first that met the state: sometimes a later one is the interesting one. */
const FURTHER = [0, 0, 0, 1, 2];

/** Those of a corpus in which a function meets a queue in the state of one of `cells`: one code more reaches the cell. */
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

const aimedAt = (
  random: Random,
  cell: number,
  { terrain, seen }: SearchContext,
): EventStatement | undefined => {
  const { fn, ending, state } = partsOf(cell);
  const code = codeOfEnding(ending);
  const met = seen.states.filter((row) => row.fn === fn && row.state === state);
  if (met.length > 0 && code !== undefined) {
    const { apqn, n } = random.pick(met);
    return lineOf(on(fn, apqn, n + random.pick(FURTHER)), { kind: 'rc', rc: code });
  }
  const executed = seen.executions.filter((row) => row.fn === fn);
  if (executed.length === 0) return undefined;
  const { apqn, count } = random.pick(executed);
  const trigger = on(fn, apqn, 1 + random.below(count));
  const name = QUEUE_STATES[state];
  const event = name === undefined ? undefined : bringing(random, name, apqn, terrain);
  if (event !== undefined) return lineOf(trigger, event);
  if (name !== 'full' || !terrain.hasUser) return undefined;
  const request = { kind: 'request', guest: undefined, count: FILLING, apqn } as const;
  return lineOf({ kind: 'start' }, { ...request, what: undefined });
};

/** Undefined: what the driver was seen to do gives no occasion for what is wanted. */
export const aimedEvent = (random: Random, context: SearchContext): EventStatement | undefined => {
  const { wanted } = context;
  for (let look = 0; look < LOOKS && wanted.length > 0; look++) {
    const event = aimedAt(random, random.pick(wanted), context);
    if (event !== undefined) return event;
  }
  return undefined;
};
