// SPDX-License-Identifier: Apache-2.0
// Printer of scenario lines: the inverse of parse-event.ts.
// Source: docs/design.md section 10.

import { printInjection } from '../cex/inject-text.ts';
import { formatApqn, formatDuration } from '../config/units.ts';
import type { Occasion, ScenarioEvent, Trigger, UserEvent } from './events.ts';
import { printLparOperation } from './print-lpar.ts';

/** Fields that are easier to read in decimal. */
const DECIMAL = new Set(['length', 'size', 'count1', 'offset1', 'count2', 'rc', 'rs']);

const printOccasion = ({ kind, n }: Occasion): string => {
  if (kind === 'every') return `every ${n}`;
  return kind === 'nth' ? `#${n}` : `#${n}..`;
};

const words = (...parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined).join(' ');

/** The text before the colon; undefined for what a user does from the start. */
export function printTrigger(trigger: Trigger): string | undefined {
  switch (trigger.kind) {
    case 'start':
      return undefined;
    case 'at':
      return `at ${formatDuration(trigger.timeNs)}`;
    case 'idle':
      return `idle ${printOccasion(trigger.occasion)}`;
    case 'on': {
      const { guest, on, apqn, occasion } = trigger;
      const queue = apqn === undefined ? undefined : formatApqn(apqn);
      return words('on', guest, on, queue, printOccasion(occasion));
    }
  }
}

function printUser(event: UserEvent): string {
  switch (event.kind) {
    case 'close':
      return words(event.guest, 'close');
    case 'write':
      return `echo ${event.text} > ${event.file}`;
    case 'read':
      return `cat ${event.file}`;
    case 'signal':
      return 'signal';
    default:
      return printRequest(event);
  }
}

function printRequest(event: Extract<UserEvent, { kind: 'request' }>): string {
  const { guest, count, apqn, what } = event;
  const times = count === 1 ? undefined : `x${count}`;
  return words(guest, 'request', times, apqn === undefined ? undefined : formatApqn(apqn), what);
}

/** The text after the colon. */
export function printEvent(event: ScenarioEvent): string {
  switch (event.kind) {
    case 'rc':
      return `rc=${event.rc.toString(16).padStart(2, '0')}`;
    case 'cc':
      return words(
        `cc=${event.cc}`,
        event.everyBytes === undefined ? undefined : `every=${event.everyBytes}`,
      );
    case 'delay':
      return `delay=${formatDuration(event.delayNs)}`;
    case 'reorder':
      return event.places === 1 ? 'reorder' : `reorder=${event.places}`;
    case 'reply':
      return `reply=${printInjection(event.reply)}`;
    case 'field':
      return `reply ${event.field}=${printValue(event.field, event.value)}`;
    case 'interrupt':
      return words(
        'interrupt',
        event.how,
        event.delayNs === undefined ? undefined : formatDuration(event.delayNs),
      );
    case 'lpar':
      return `lpar: ${printLparOperation(event.verb, event.values)}`;
    case 'sysfs':
      return `sysfs: ${event.command}`;
    case 'host':
      return `host: ${event.mnemonic} ${formatApqn(event.apqn)}`;
    case 'request':
    case 'close':
    case 'write':
    case 'read':
    case 'signal':
      return `user: ${printUser(event)}`;
    default:
      return event.kind;
  }
}

const printValue = (field: string, value: number): string =>
  value < 10 || DECIMAL.has(field) ? String(value) : `0x${value.toString(16)}`;
