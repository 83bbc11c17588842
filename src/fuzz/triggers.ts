// SPDX-License-Identifier: Apache-2.0
// When events happen: at executions that the driver was seen to make, at times near those that cards and drivers take, or at idle
// moments.
import { FUNCTION_NAMES } from '../../native-like/arch/function-numbers.ts';
import type { FaultInstruction } from '../config/types.ts';
import type { Random, Weighted } from '../lpar/random.ts';
import type { Occasion, Trigger } from '../program/events.ts';
import type { Seen, SeenExecutions } from '../target/seen.ts';
import type { ScenarioSpace } from '../target/target.ts';

/** Functions that a driver executes on queues, with their letters in the table of response codes. */
export const FUNCTIONS: Weighted<{ readonly name: FaultInstruction; readonly letter: string }> = [
  [8, { name: 'dqap', letter: 'D' }],
  [8, { name: 'nqap', letter: 'N' }],
  [5, { name: 'tapq', letter: 'T' }],
  [3, { name: 'aqic', letter: 'A' }],
  [3, { name: 'rapq', letter: 'R' }],
  [3, { name: 'zapq', letter: 'Z' }],
];

const LETTERS = new Map(FUNCTIONS.map(([, { name, letter }]) => [name as string, letter]));

/** The letter of a function in the table of response codes. */
export const letterOf = (name: string): string => LETTERS.get(name) ?? '';

/** What is known when a scenario is changed. */
export interface SearchContext {
  readonly space: ScenarioSpace;
  /** What the driver executes in the scenario. */
  readonly seen: Seen;
  /** Legal cells of architected coverage that were met least often. */
  readonly wanted: readonly number[];
}

/** Times near those that cards and drivers take: polls, service, resets, timeouts, scans. In nanoseconds. */
const TIMES_NS: readonly number[] = [
  0, 10_000, 100_000, 300_000, 1_000_000, 5_000_000, 40_000_000, 250_000_000, 1_000_000_000,
  31_000_000_000,
];

/** Name of a function in triggers, by its number. */
export const triggerName = (fn: number): FaultInstruction =>
  FUNCTION_NAMES[fn].toLowerCase() as FaultInstruction;

/** One of `count` executions, an early one more often than a late one; or one more than there were. */
const executionOf = (random: Random, count: number): number =>
  random.chance(40) ? 1 + random.below(Math.min(3, count)) : 1 + random.below(count + 1);

const occasionOf = (random: Random, n: number): Occasion => {
  if (random.chance(85)) return { kind: 'nth', n };
  return random.chance(60) ? { kind: 'from', n } : { kind: 'every', n: 1 + random.below(5) };
};

const queueOf = (random: Random, { queues }: ScenarioSpace): number | undefined =>
  queues.length === 0 || random.chance(50) ? undefined : random.pick(queues);

/** An execution of a function, whether it was seen or not. */
const onUnseen = (random: Random, space: ScenarioSpace, name: FaultInstruction): Trigger => ({
  kind: 'on',
  guest: undefined,
  on: name,
  apqn: queueOf(random, space),
  occasion: occasionOf(random, executionOf(random, random.chance(70) ? 3 : 15)),
});

/** An execution that the driver was seen to make, of one queue or of all. */
const onSeen = (random: Random, rows: readonly SeenExecutions[], seen: SeenExecutions): Trigger => {
  const everywhere = random.chance(40);
  const count = everywhere
    ? rows.reduce((sum, { fn, count: one }) => (fn === seen.fn ? sum + one : sum), 0)
    : seen.count;
  return {
    kind: 'on',
    guest: undefined,
    on: triggerName(seen.fn),
    apqn: everywhere ? undefined : seen.apqn,
    occasion: occasionOf(random, executionOf(random, count)),
  };
};

/** A trigger at an execution of the function `name`. */
export const onFunction = (
  random: Random,
  { space, seen }: SearchContext,
  name: FaultInstruction,
): Trigger => {
  const rows = seen.executions.filter(({ fn }) => triggerName(fn) === name);
  return rows.length === 0 || random.chance(10)
    ? onUnseen(random, space, name)
    : onSeen(random, rows, random.pick(rows));
};

/**
 * A trigger at any execution. It does not matter whether a function was seen once or a thousand times, since rare ones are tested least.
 */
export const onExecution = (random: Random, context: SearchContext): Trigger => {
  const { executions } = context.seen;
  const rows = executions.filter(({ fn }) => letterOf(triggerName(fn)) !== '');
  if (rows.length === 0 || random.chance(15))
    return onFunction(random, context, random.weighted(FUNCTIONS).name);
  return onFunction(random, context, triggerName(random.pick(rows).fn));
};

/** A trigger for an event that needs no instruction. */
export const anyTrigger = (random: Random, context: SearchContext): Trigger => {
  const way = random.below(10);
  if (way < 4) return { kind: 'at', timeNs: random.pick(TIMES_NS) };
  if (way < 6) return { kind: 'idle', occasion: { kind: 'nth', n: 1 + random.below(4) } };
  return onExecution(random, context);
};
