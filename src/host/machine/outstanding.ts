// SPDX-License-Identifier: Apache-2.0
// Tells what a machine still has to do, when something that was waited for did not come.
// Source: docs/design.md section 9.
import type { MachineImage } from '../../../native-like/machine/image.ts';
import {
  ATTENTION_AQIC,
  ATTENTION_BINDING,
  ATTENTION_BUSY,
  ATTENTION_CHECKSTOPPED,
  ATTENTION_DECONFIGURED,
  ATTENTION_RESET,
  Q_ALL_FREE,
  Q_ATTENTION,
  Q_FREE,
} from '../../../native-like/machine/layout.ts';
import { formatApqn, formatDuration } from '../../config/units.ts';
import { ApemuError } from '../../errors.ts';
import { NS_PER_MS, NS_PER_SECOND, NS_PER_US } from '../../units.ts';
import type { Stepper } from './stepper.ts';

const STATES: readonly (readonly [number, string])[] = [
  [ATTENTION_RESET, 'is being reset'],
  [ATTENTION_AQIC, 'changes its interruptions'],
  [ATTENTION_BINDING, 'is being associated'],
  [ATTENTION_BUSY, 'is busy'],
  [ATTENTION_DECONFIGURED, 'is deconfigured'],
  [ATTENTION_CHECKSTOPPED, 'is checkstopped'],
];

/** Number of bits of a word that are one. */
export const countBits = (word: number): number => {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
};

/** Number of messages in the queue with the record `q`. */
export const messagesIn = (image: MachineImage, q: number): number =>
  countBits(image.word(q + Q_ALL_FREE) & ~image.word(q + Q_FREE));

const UNITS: readonly (readonly [ns: number, name: string])[] = [
  [NS_PER_SECOND, 's'],
  [NS_PER_MS, 'ms'],
  [NS_PER_US, 'us'],
  [1, 'ns'],
];

/** A time to read: four digits of it. */
const about = (ns: number): string => {
  const [unit, name] = UNITS.find(([size]) => ns >= size) ?? [1, 'ns'];
  return `${Number((ns / unit).toPrecision(4))} ${name}`;
};

/** One line a queue that is not idle, and when the next timer fires. */
export const outstanding = (image: MachineImage, stepper: Stepper): string[] => {
  const lines: string[] = [];
  for (let n = 1; n < image.queues; n++) {
    const q = image.queueRecord(n);
    const attention = image.word(q + Q_ATTENTION);
    const states = STATES.filter(([bit]) => (attention & bit) !== 0).map(([, text]) => text);
    const messages = messagesIn(image, q);
    if (messages > 0) states.push(`has ${messages} message${messages === 1 ? '' : 's'}`);
    if (states.length > 0) lines.push(`${formatApqn(image.apqnOf(q))} ${states.join(', ')}`);
  }
  const next = stepper.upcomingNs();
  if (next !== Number.POSITIVE_INFINITY)
    lines.push(`the next thing happens ${about(next - stepper.nowNs())} later`);
  return lines;
};

/** The error for something that was waited for and did not come. `left` is what was outstanding then. */
export const didNotCome = (limitNs: number, left: readonly string[]): ApemuError =>
  new ApemuError(
    'APEMU_ERR_MACHINE_UNTIL',
    `what was waited for did not come in ${formatDuration(limitNs)} (outstanding: ${left.join('; ') || 'nothing'})`,
  );
