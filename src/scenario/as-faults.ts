// SPDX-License-Identifier: Apache-2.0
// A scenario as the list `faults:` of a configuration, where it can be one: faults strike the first instructions that match, or all.
// Source: docs/design.md sections 5 and 10.
import { printInjection } from '../cex/inject-text.ts';
import type { FaultObject } from '../config/load.ts';
import { formatApqn, formatDuration } from '../config/units.ts';
import type { EventStatement } from '../program/ast.ts';
import { isUserEvent, type Occasion, type ScenarioEvent } from '../program/events.ts';

/** What a fault does; undefined: no fault does this. */
const effectOf = (event: ScenarioEvent): FaultObject | undefined => {
  switch (event.kind) {
    case 'rc':
      return { rc: event.rc };
    case 'cc':
      return {
        cc: event.cc,
        ...(event.everyBytes === undefined ? {} : { every: event.everyBytes }),
      };
    case 'drop':
      return { drop: true };
    case 'delay':
      return { delay: formatDuration(event.delayNs) };
    case 'reorder':
      return { reorder: event.places };
    case 'reply':
      return { reply: printInjection(event.reply) };
    default:
      return undefined;
  }
};

/** How often; undefined: a fault does not count executions before it strikes. */
const timesOf = ({ kind, n }: Occasion): Pick<FaultObject, 'count'> | undefined => {
  if (n !== 1) return undefined;
  return kind === 'nth' ? { count: 1 } : {};
};

const faultOf = ({ trigger, event }: EventStatement, guest: string): FaultObject | undefined => {
  if (trigger.kind !== 'on') return undefined;
  const effect = effectOf(event);
  const times = timesOf(trigger.occasion);
  if (effect === undefined || times === undefined) return undefined;
  const { apqn, on } = trigger;
  const target =
    apqn === undefined ? { guest: trigger.guest ?? guest } : { apqn: formatApqn(apqn) };
  return { ...target, on, ...effect, ...times };
};

/** What the user asks from the start is no fault, and needs none. */
const isAsked = ({ trigger, event }: EventStatement): boolean =>
  trigger.kind === 'start' && isUserEvent(event);

/**
 * The faults that do what the events do to a guest's driver; undefined: something of them is no fault (a later execution, a time, what the
 * host does). Requests from the start are left out.
 */
export const asFaults = (
  events: readonly EventStatement[],
  guest: string,
): readonly FaultObject[] | undefined => {
  const faults: FaultObject[] = [];
  for (const event of events.filter((one) => !isAsked(one))) {
    const fault = faultOf(event, guest);
    if (fault === undefined) return undefined;
    faults.push(fault);
  }
  return faults.length === 0 ? undefined : faults;
};
