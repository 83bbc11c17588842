// SPDX-License-Identifier: Apache-2.0
// A fault as a line: as AP programs declare it, and as lists of faults show it.
// Source: docs/design.md section 6.
import { printInjection } from '../cex/inject-text.ts';
import type { FaultConfig, InjectedReply } from './types.ts';
import { formatApqn, formatDuration } from './units.ts';

/** A fault as text, such as `05.0004 on=tapq rc=04 count=2`. */
export function printFault(fault: FaultConfig): string {
  const target = fault.apqn === undefined ? (fault.guest ?? 'any') : formatApqn(fault.apqn);
  const { effect, trigger } = fault;
  const words = [target, `on=${fault.on}`];
  if (effect.kind === 'rc') words.push(`rc=${effect.rc.toString(16).padStart(2, '0')}`);
  if (effect.kind === 'cc') words.push(`cc=${effect.cc}`);
  if (effect.kind === 'cc' && effect.everyBytes !== undefined)
    words.push(`every=${effect.everyBytes}`);
  if (effect.kind === 'drop') words.push('drop=1');
  if (effect.kind === 'delay') words.push(`delay=${formatDuration(effect.delayNs)}`);
  if (effect.kind === 'reorder') words.push(`reorder=${effect.places}`);
  if (effect.kind === 'reply') words.push(...printReply(effect.reply));
  if (trigger.kind === 'count') words.push(`count=${trigger.count}`);
  if (trigger.kind === 'at') words.push(`at=${trigger.atNs.map(formatDuration).join(',')}`);
  if (trigger.kind === 'probability' && trigger.probability < 1) {
    words.push(`probability=${printProbability(trigger.probability)}`);
  }
  return words.join(' ');
}

function printReply(reply: InjectedReply): string[] {
  const text = `reply=${printInjection(reply)}`;
  return reply.function === undefined ? [text] : [text, `function=${reply.function}`];
}

/** Never with an exponent: the parser knows plain decimals. */
function printProbability(value: number): string {
  const text = String(value);
  return text.includes('e') ? value.toFixed(20).replace(/0+$/, '') : text;
}
