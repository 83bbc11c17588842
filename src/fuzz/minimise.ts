// SPDX-License-Identifier: Apache-2.0
// Finds the shortest scenario that breaks the same rule in the same way: first events are left out, then operands, then requests.
import { AP_RESPONSE_BUSY } from '../../native-like/arch/response-codes.ts';
import type { EventStatement } from '../program/ast.ts';
import { isUserEvent, type ScenarioEvent, type Trigger } from '../program/events.ts';
import { eventLine } from '../scenario/text.ts';

/** Number of runs that a minimiser may take. What is not short by then stays as it is. */
const RUNS_MAX = 400;

export type Reproduces = (events: readonly EventStatement[]) => boolean | Promise<boolean>;

/** Simpler triggers to try, the simplest first. */
const simplerTriggers = (trigger: Trigger, isUser: boolean): Trigger[] => {
  switch (trigger.kind) {
    case 'start':
      return [];
    case 'at':
      return isUser
        ? [{ kind: 'start' }, { kind: 'at', timeNs: 0 }]
        : trigger.timeNs === 0
          ? []
          : [{ kind: 'at', timeNs: 0 }];
    case 'idle': {
      const simpler: Trigger[] = isUser ? [{ kind: 'start' }] : [];
      if (trigger.occasion.n > 1) simpler.push({ kind: 'idle', occasion: { kind: 'nth', n: 1 } });
      return simpler;
    }
    case 'on': {
      const { occasion } = trigger;
      const simpler: Trigger[] = isUser ? [{ kind: 'start' }] : [];
      const nth = { kind: 'nth', n: 1 } as const;
      if (occasion.kind !== 'nth' || occasion.n !== 1) simpler.push({ ...trigger, occasion: nth });
      if (occasion.kind !== 'nth')
        simpler.push({ ...trigger, occasion: { ...nth, n: occasion.n } });
      if (occasion.n > 1)
        simpler.push({ ...trigger, occasion: { ...occasion, n: Math.ceil(occasion.n / 2) } });
      if (occasion.n > 1)
        simpler.push({ ...trigger, occasion: { ...occasion, n: occasion.n - 1 } });
      if (trigger.apqn !== undefined) simpler.push({ ...trigger, apqn: undefined });
      return simpler;
    }
  }
};

const simplerEvents = (event: ScenarioEvent): ScenarioEvent[] => {
  switch (event.kind) {
    case 'request': {
      const simpler: ScenarioEvent[] = [];
      if (event.what !== undefined) simpler.push({ ...event, what: undefined });
      if (event.count > 1) simpler.push({ ...event, count: 1 });
      if (event.count > 2)
        simpler.push(
          { ...event, count: Math.ceil(event.count / 2) },
          { ...event, count: event.count - 1 },
        );
      return simpler;
    }
    case 'reorder':
      return event.places > 1 ? [{ kind: 'reorder', places: 1 }] : [];
    case 'interrupt':
      return event.how === 'late' ? [{ kind: 'interrupt', how: 'lost', delayNs: undefined }] : [];
    case 'delay':
      return [{ kind: 'drop' }];
    case 'cc':
      return event.everyBytes === undefined
        ? []
        : [{ kind: 'cc', cc: event.cc, everyBytes: undefined }];
    default:
      return [];
  }
};

/** Replaces a busy queue by what an instruction on it meets: response code 05. */
const withCode = ({
  trigger,
  event,
}: Pick<EventStatement, 'trigger' | 'event'>): EventStatement[] => {
  const isBusy = event.kind === 'lpar' && event.verb === 'busy' && trigger.kind === 'on';
  return isBusy ? [eventLine(trigger, { kind: 'rc', rc: AP_RESPONSE_BUSY })] : [];
};

const simplerLines = ({ trigger, event }: EventStatement): EventStatement[] => [
  ...withCode({ trigger, event }),
  ...simplerTriggers(trigger, isUserEvent(event)).map((simpler) => eventLine(simpler, event)),
  ...simplerEvents(event).map((simpler) => eventLine(trigger, simpler)),
];

/**
 * Shortens `events`, which reproduce a finding, as long as they still do, or until `enough` says so. Returns them with the number of runs
 * it took.
 */
export const minimise = async (
  events: readonly EventStatement[],
  reproduces: Reproduces,
  enough: () => boolean = () => false,
): Promise<{ readonly events: readonly EventStatement[]; readonly runs: number }> => {
  let best = events;
  let runs = 0;
  const tries = async (candidate: readonly EventStatement[]): Promise<boolean> => {
    if (runs >= RUNS_MAX || enough()) return false;
    runs++;
    if (!(await reproduces(candidate))) return false;
    best = candidate;
    return true;
  };
  const dropped = async (): Promise<boolean> => {
    for (let size = best.length >> 1; size >= 1; size >>= 1)
      for (let at = best.length - size; at >= 0; at--)
        if (await tries(best.toSpliced(at, size))) return true;
    return false;
  };
  const simplified = async (): Promise<boolean> => {
    for (const [at, line] of best.entries())
      for (const simpler of simplerLines(line))
        if (await tries(best.with(at, simpler))) return true;
    return false;
  };
  while ((await dropped()) || (await simplified()));
  return { events: best, runs };
};
