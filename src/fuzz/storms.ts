// SPDX-License-Identifier: Apache-2.0
// The same answer at each execution: a queue that is busy, full or in reset for long, a card that refuses every request. What a driver
// tries again without counting shows only so.
// Source: docs/reference/fuzzing.md section 5 (G10; "error reply retried for ever").
import type { Random } from '../lpar/random.ts';
import type { EventStatement } from '../program/ast.ts';
import type { Trigger } from '../program/events.ts';
import { codeFor, lineOf, messageEvent } from './generate.ts';
import { onExecution, type SearchContext } from './triggers.ts';

/** Executions that pass before it begins. */
const CALM = [1, 1, 1, 2, 5];
const REQUESTS = [1, 3, 6];

/** One event at each execution of a function, of one queue as a rule, and requests that meet it. */
export const storm = (random: Random, context: SearchContext): EventStatement[] => {
  const { queues, hasUser } = context.space;
  const seen = onExecution(random, context);
  const on = seen.kind === 'on' ? seen.on : 'nqap';
  const apqn = queues.length === 0 || random.chance(25) ? undefined : random.pick(queues);
  const n = random.pick(CALM);
  const trigger: Trigger = {
    kind: 'on',
    guest: undefined,
    on,
    apqn,
    occasion: { kind: 'from', n },
  };
  const answer =
    on === 'nqap' && random.chance(60)
      ? messageEvent(random)
      : ({ kind: 'rc', rc: codeFor(random, on) } as const);
  const line = lineOf(trigger, answer);
  if (!hasUser) return [line];
  const count = random.pick(REQUESTS);
  const request = { kind: 'request', guest: undefined, count, apqn, what: undefined } as const;
  return [lineOf({ kind: 'at', timeNs: 0 }, request), line];
};
