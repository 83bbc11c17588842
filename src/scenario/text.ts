// SPDX-License-Identifier: Apache-2.0
// Scenarios as text and back: the lines of their events, with the header of an AP program or without.
// Source: docs/design.md section 10.
import type { EventStatement, Program, Statement } from '../program/ast.ts';
import { PROGRAM_HEADER, parseProgram } from '../program/parse.ts';
import { printProgram, printStatement } from '../program/print.ts';

/** One event without a comment. The number of its line is assigned when it is printed. */
export const eventLine = (
  trigger: EventStatement['trigger'],
  event: EventStatement['event'],
): EventStatement => ({ kind: 'event', line: 0, comment: undefined, trigger, event });

/** The lines of a scenario, each with its end. */
export const scenarioLines = (events: readonly EventStatement[]): string =>
  events.map((event) => `${printStatement({ ...event, comment: undefined })}\n`).join('');

/** The events of lines that `scenarioLines` has written. @throws MistakesError */
export const parseScenarioLines = (lines: string, file = '<scenario>'): EventStatement[] =>
  eventsOf(parseProgram(`${PROGRAM_HEADER}\n${lines}`, file));

/** The events of a program, in order. */
export const eventsOf = (program: Program): EventStatement[] =>
  program.statements.filter((statement) => statement.kind === 'event');

/** A scenario as an AP program: comments, a configuration, its events. */
export const scenarioProgram = (
  events: readonly EventStatement[],
  config: string,
  comments: readonly string[] = [],
): string => {
  const head: Statement[] = comments.map((comment) => ({
    kind: 'comment',
    line: 0,
    comment: ` ${comment}`,
  }));
  return printProgram({ file: '', config, statements: [...head, ...events] });
};
