// SPDX-License-Identifier: Apache-2.0
// Decides whether a run went well: messages without an answer, unfinished workloads, dead queues, drivers that gave up, thresholds.
// Source: docs/load.md.

import { type ApBusState, DEV_ERROR } from '../guest/ap-bus-driver/state.ts';
import { isBusState } from './counts.ts';
import { countText, timeText } from './format.ts';
import type { ProgramReport } from './program-report.ts';
import type { GuestResult, RunResult } from './result.ts';
import { type Threshold, type ThresholdResult, testThreshold } from './thresholds.ts';

export interface Verdict {
  /** What is wrong, each described in a sentence that begins with the guest. */
  readonly problems: readonly string[];
  readonly thresholds: readonly ThresholdResult[];
  readonly failed: boolean;
}

/** How a run came to its end. */
export interface RunEnd {
  /** Whether something other than the workloads has ended it (`--duration`, Ctrl-C), so that messages were under way. */
  readonly cut: boolean;
}

const apqnText = (apqn: number): string =>
  `${(apqn >>> 8).toString(16).padStart(2, '0')}.${(apqn & 0xff).toString(16).padStart(4, '0')}`;

/** What is wrong with the queues of a driver. */
const queueProblems = ({ queues }: ApBusState): string[] =>
  queues
    .filter(({ devState }) => devState === DEV_ERROR)
    .map(({ apqn, lastErrorRc }) => {
      const rc = lastErrorRc.toString(16).padStart(2, '0');
      return `queue ${apqnText(apqn)} is dead: the driver has given it up after response code ${rc}`;
    });

/** The dead queues of one guest. */
export const deadQueues = ({ state }: ProgramReport): string[] =>
  isBusState(state) ? queueProblems(state) : [];

/** The ways in which messages end other than with the right answer. */
const GIVEN_UP = [
  ['wrong', 'were answered wrongly'],
  ['refused', 'were refused'],
  ['tooLarge', 'had a reply larger than the buffer'],
  ['flushed', 'ended without an answer: the driver gave them up'],
  ['failed', 'ended with an error'],
] as const;

const messages = (count: number): string => `${countText(count)} message${count === 1 ? '' : 's'}`;

const guestProblems = (guest: GuestResult, { cut }: RunEnd, plugged: boolean): string[] => {
  const { load, failure, done, dead } = guest;
  const problems: string[] = [];
  if (failure !== undefined) problems.push(`failed: ${failure}`);
  problems.push(...dead);
  if (load !== undefined) {
    for (const [name, what] of GIVEN_UP) {
      const count = load.mishaps[name] ?? 0;
      // Where queues are taken from running guests, it is no problem that their messages are flushed.
      if (count > 0 && !(plugged && name === 'flushed'))
        problems.push(`${messages(count)} ${what}`);
    }
    if (load.unanswered > 0 && !cut)
      problems.push(
        `${messages(load.unanswered)} stay unanswered (oldest ${timeText(load.oldestNs)})`,
      );
  }
  if (!done && !cut && problems.length === 0)
    problems.push('has not finished: nothing has happened for long');
  return problems.map((problem) => `${guest.guest}: ${problem}`);
};

/** The verdict over a run. */
export const verdictOf = (
  result: RunResult,
  thresholds: readonly Threshold[],
  end: RunEnd,
): Verdict => {
  const plugged = result.hotPlug !== undefined;
  const problems = result.guests.flatMap((guest) => guestProblems(guest, end, plugged));
  for (const { guest, reason } of result.crashes)
    problems.push(`${guest}: was lost with its worker: ${reason}`);
  const tested = thresholds.map((threshold) => {
    const { guest } = threshold;
    const own = result.guests.find((one) => one.guest === guest && one.load !== undefined);
    return testThreshold(threshold, guest === undefined ? result.total : own?.load);
  });
  const failed =
    problems.length > 0 ||
    tested.some((one) => one.failed) ||
    (result.hotPlug?.violations.length ?? 0) > 0;
  return { problems, thresholds: tested, failed };
};
