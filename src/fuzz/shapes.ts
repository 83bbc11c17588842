// SPDX-License-Identifier: Apache-2.0
// What tells scenarios of one kind of finding apart: not when and where things happen, but what happens at which function.
// Source: docs/design.md section 10.
import type { EventStatement } from '../program/ast.ts';

/** The last part of a path, such as `online`. */
const lastPart = (path: string): string => path.split('/').at(-1) ?? path;

const shapeOf = ({ trigger, event }: EventStatement): string => {
  const at = trigger.kind === 'on' ? trigger.on : '';
  switch (event.kind) {
    case 'rc':
      return `${at} rc ${event.rc}`;
    case 'field':
      return `${at} ${event.field}`;
    case 'interrupt':
      return `${at} interrupt ${event.how}`;
    case 'lpar':
      return `lpar ${event.verb}`;
    case 'sysfs':
      return `sysfs ${lastPart(event.command)}`;
    case 'write':
    case 'read':
      return `${event.kind} ${lastPart(event.file)}`;
    case 'request':
      return 'request';
    default:
      return event.kind;
  }
};

/** The shapes of a scenario's events, each once and in order. */
export const shapesOf = (events: readonly EventStatement[]): string[] =>
  [...new Set(events.map(shapeOf))].sort();

/** Whether a scenario has all that happens in another one, so that it may break a rule for the reason for which that one does. */
export const hasAllOf = (
  events: readonly EventStatement[],
  other: readonly EventStatement[],
): boolean => {
  const shapes = new Set(shapesOf(events));
  return shapesOf(other).every((shape) => shapes.has(shape));
};
