// SPDX-License-Identifier: Apache-2.0
// Parses `step:` lines, in which a thread of the host begins a line or goes on.
// Source: docs/design.md section 6 (concurrency).

import { parseNumber } from '../config/units.ts';
import type { SteppableStatement, StepStatement } from './ast.ts';
import { LineError, type LineParts, type Token, tokenize } from './lexer.ts';
import { noExpectation, noMore } from './parse-fields.ts';
import { type Head, parseClock, parseLpar, parseSysfs } from './parse-host.ts';
import { parseMigrate } from './parse-migrate.ts';

/** The name that stands for all threads. */
export const ALL_THREADS = 'all';
/** Most steps of one line: an operation that ends does so in some hundred. */
const STEPS_MAX = 10_000;

const NAME = /^[A-Za-z][A-Za-z0-9_-]*$/;
const SUBJECT = /^\s*(?:([A-Za-z][A-Za-z0-9_-]*)\/(?=sysfs|lpar))?(sysfs|lpar|clock|migrate)\s*:/;
const EXPECTED = 'NAME sysfs: …, lpar: …, clock: … or migrate: …; NAME [COUNT]; or all';

/** `A sysfs: echo …`, `A`, `A 7`, `all`. `start`: offset behind `step:`. */
export function parseStep(
  head: Head,
  start: number,
  parts: LineParts,
  threads: Set<string>,
): StepStatement {
  const [name, ...rest] = tokenize(parts.body.slice(start), start + 1);
  if (name === undefined || !NAME.test(name.text))
    throw new LineError('SYNTAX', name?.column ?? start + 1, 'step needs a name', EXPECTED);
  const behind = name.column - 1 + name.text.length;
  const subject = SUBJECT.exec(parts.body.slice(behind));
  if (name.text === ALL_THREADS) noMore(rest, 0);
  else if (subject !== null) {
    threads.add(name.text);
    const at = behind + subject[0].length;
    const [, machine, kind] = subject;
    const line = parseBegun(kind, { ...head, comment: undefined }, at, parts);
    const begins = machine === undefined ? line : ({ ...line, machine } as SteppableStatement);
    return { kind: 'step', ...head, thread: name.text, count: 1, begins };
  }
  noExpectation(parts.expectation, parts.expectationColumn, 'a step that goes on');
  const count = parseCount(rest);
  if (name.text !== ALL_THREADS && !threads.has(name.text))
    throw new LineError('UNKNOWN_WORD', name.column, `${name.text} has not begun`, EXPECTED);
  return { kind: 'step', ...head, thread: name.text, count, begins: undefined };
}

function parseBegun(
  subject: string | undefined,
  head: Head,
  at: number,
  parts: LineParts,
): SteppableStatement {
  if (subject === 'sysfs') return parseSysfs(head, at, parts);
  const tokens = tokenize(parts.body.slice(at), at + 1);
  if (subject === 'migrate') return parseMigrate(head, tokens, parts);
  return subject === 'lpar' ? parseLpar(head, tokens, parts) : parseClock(head, tokens, parts);
}

function parseCount([token, ...more]: readonly Token[]): number {
  if (token === undefined) return 1;
  const count = parseNumber(token.text);
  if (count === undefined || count < 1 || count > STEPS_MAX)
    throw new LineError('NUMBER', token.column, `step got ${token.text}`, EXPECTED);
  noMore(more, 0);
  return count;
}
