// SPDX-License-Identifier: Apache-2.0
// Lines about everything that is no vCPU: clock, sysfs, lpar, fault.
// Source: docs/design.md section 6.

import { INJECTION_EXPECTED, parseInjection } from '../cex/inject-text.ts';
import { FUNCTION_EXPECTED, isFunctionName } from '../cex/request-function.ts';
import { normaliseFault } from '../config/faults.ts';
import { nearest } from '../config/mistakes.ts';
import { FAULT_INSTRUCTIONS } from '../config/types.ts';
import { parseApqn, parseDurationNs, parseNumber } from '../config/units.ts';
import type { ClockStatement, FaultStatement, LparStatement, SysfsStatement } from './ast.ts';
import { LineError, type LineParts, type Token, tokenize } from './lexer.ts';
import { LPAR_VERBS, type LparOperand } from './lpar-verbs.ts';
import { noExpectation, noMore, parseOutcome } from './parse-fields.ts';

/** What every statement has. */
export type Head = { readonly line: number; readonly comment: string | undefined };

/** What messages say is expected of a time. */
export const DURATION_EXPECTED = 'a time with its unit, such as 100us, 2ms, 1s';

/**
 * Parses a time.
 *
 * @throws LineError
 */
export function readDuration(token: Token): number {
  const ns = parseDurationNs(token.text);
  if (ns === undefined)
    throw new LineError('NUMBER', token.column, `${token.text} is no time`, DURATION_EXPECTED);
  return ns;
}

/** `advance 2ms`, `run`; both may check `now=…`. */
export function parseClock(head: Head, tokens: readonly Token[], parts: LineParts): ClockStatement {
  const [verb, time] = tokens;
  const expectNowNs = parseNow(parts);
  if (verb?.text === 'run') {
    noMore(tokens, 1);
    return { kind: 'clock', ...head, advance: 'run', expectNowNs };
  }
  if (verb?.text === 'advance' && time !== undefined) {
    noMore(tokens, 2);
    return { kind: 'clock', ...head, advance: readDuration(time), expectNowNs };
  }
  const at = tokens.at(-1)?.column ?? parts.body.length + 1;
  throw new LineError('UNKNOWN_WORD', at, 'the clock does not know this', 'advance TIME, or run');
}

function parseNow(parts: LineParts): number | undefined {
  if (parts.expectation === undefined) return undefined;
  const [token, ...more] = tokenize(parts.expectation, parts.expectationColumn);
  if (token === undefined || more.length > 0 || !token.text.startsWith('now=')) {
    throw new LineError(
      'SYNTAX',
      token?.column ?? parts.expectationColumn,
      'the clock knows one thing',
      'now=TIME',
    );
  }
  return readDuration({ ...token, text: token.text.slice(4), column: token.column + 4 });
}

/** The command stays a text; src/sysfs understands it. `start`: offset of the text behind `sysfs:`. */
export function parseSysfs(head: Head, start: number, parts: LineParts): SysfsStatement {
  const command = parts.body.slice(start).trim();
  if (command === '') {
    throw new LineError(
      'SYNTAX',
      start + 1,
      'sysfs needs a command',
      'cat FILE, echo TEXT > FILE, or wait',
    );
  }
  tokenize(command, start + 1);
  const expect = parseOutcome(parts.expectation, parts.expectationColumn);
  return { kind: 'sysfs', ...head, command, expect };
}

const LPAR_EXPECTED: Readonly<Record<LparOperand, string>> = {
  apid: 'an adapter number, 0 to 255, decimal, or hexadecimal with 0x',
  apqi: 'a domain number, 0 to 255, decimal, or hexadecimal with 0x',
  apqn: 'an APQN, such as 05.0004',
  duration: DURATION_EXPECTED,
  rc: 'a response code in hexadecimal, up to ff',
};

export function parseLpar(head: Head, tokens: readonly Token[], parts: LineParts): LparStatement {
  const [verb, ...operands] = tokens;
  const row = LPAR_VERBS.find((candidate) => candidate.verb === verb?.text);
  if (row === undefined) {
    const all = LPAR_VERBS.map((candidate) => candidate.verb);
    const close = nearest(verb?.text ?? '', all);
    const hint = close === undefined ? '' : `, did you mean ${close}?`;
    const at = verb?.column ?? parts.body.length + 1;
    throw new LineError(
      'UNKNOWN_WORD',
      at,
      `unknown operation ${verb?.text ?? ''}${hint}`,
      `one of ${all.join(', ')}`,
    );
  }
  const values = row.operands.map((kind, index) => {
    const token = operands[index];
    const value = token === undefined ? undefined : lparValue(kind, token.text);
    if (value === undefined) {
      const at = token?.column ?? parts.body.trimEnd().length + 1;
      throw new LineError(
        'NUMBER',
        at,
        `${row.verb} got ${token?.text ?? 'nothing'}`,
        LPAR_EXPECTED[kind],
      );
    }
    return value;
  });
  noMore(operands, row.operands.length);
  return {
    kind: 'lpar',
    ...head,
    verb: row.verb,
    values,
    expect: parseOutcome(parts.expectation, parts.expectationColumn),
  };
}

function lparValue(kind: LparOperand, text: string): number | undefined {
  if (kind === 'apqn') return parseApqn(text);
  if (kind === 'duration') return parseDurationNs(text);
  if (kind === 'rc') {
    return /^(?:0[xX])?[0-9a-fA-F]{1,2}$/.test(text) ? Number.parseInt(text, 16) : undefined;
  }
  const value = parseNumber(text);
  return value === undefined || value > 255 ? undefined : value;
}

/** How each key of a fault line is read into the value a configuration would hold. */
const FAULT_VALUES: Readonly<Record<string, (text: string) => unknown>> = {
  on: (text) => FAULT_INSTRUCTIONS.find((name) => name === text),
  rc: (text) => (/^(?:0[xX])?[0-9a-fA-F]{1,2}$/.test(text) ? Number.parseInt(text, 16) : undefined),
  cc: (text) => (/^[12]$/.test(text) ? Number(text) : undefined),
  every: (text) => within(parseNumber(text), 1, 2 ** 20),
  drop: (text) => (text === '1' ? true : undefined),
  delay: (text) => (parseDurationNs(text) === undefined ? undefined : text),
  reorder: (text) => within(parseNumber(text), 1, 255),
  reply: (text) => (parseInjection(text) === undefined ? undefined : text),
  function: (text) => (isFunctionName(text) ? text : undefined),
  count: (text) => within(parseNumber(text), 1, 0x7fffffff),
  probability: (text) =>
    /^(?:1|0?\.\d+)$/.test(text) && Number(text) > 0 ? Number(text) : undefined,
  at: (text) => {
    const times = text.split(',');
    return times.every((time) => parseDurationNs(time) !== undefined) ? times : undefined;
  },
};

const within = (value: number | undefined, least: number, most: number): number | undefined =>
  value !== undefined && value >= least && value <= most ? value : undefined;

/** What each key takes, and what it does. */
export const FAULT_FIELDS: Readonly<
  Record<string, { readonly expected: string; readonly does: string }>
> = {
  on: {
    expected: `one of ${FAULT_INSTRUCTIONS.join(', ')}`,
    does: 'the instruction that it strikes',
  },
  rc: {
    expected: 'a response code in hexadecimal, up to ff',
    does: 'the instruction ends with it',
  },
  cc: { expected: '1 or 2', does: 'it ends partially' },
  every: { expected: 'a number of bytes, 1 to 1048576', does: 'cc=2 at each multiple of it' },
  drop: { expected: '1', does: 'the reply is lost' },
  delay: { expected: DURATION_EXPECTED, does: 'the reply comes so much later' },
  reorder: { expected: 'a number of places, 1 to 255', does: 'the reply lets others pass' },
  reply: { expected: INJECTION_EXPECTED, does: 'what the adapter answers instead' },
  function: { expected: FUNCTION_EXPECTED, does: 'only requests for it' },
  count: { expected: 'a number of instructions, at least 1', does: 'so many times, then no more' },
  probability: { expected: 'a number above 0, at most 1', does: 'now and then, by the seed' },
  at: { expected: 'times with their units, separated by commas', does: 'once at each time' },
};

/** `06.0004 on=dqap rc=05 count=1`, `Guest1 …`, `any …`, `clear`. */
export function parseFault(head: Head, tokens: readonly Token[], parts: LineParts): FaultStatement {
  noExpectation(parts.expectation, parts.expectationColumn, 'a fault');
  const [target, ...fields] = tokens;
  if (target === undefined) {
    throw new LineError(
      'SYNTAX',
      parts.body.length + 1,
      'a fault needs a target',
      'an APQN, a guest, any, or clear',
    );
  }
  if (target.text === 'clear') {
    noMore(fields, 0);
    return { kind: 'fault', ...head, fault: 'clear' };
  }
  const apqn = parseApqn(target.text);
  const isGuest = /^[A-Za-z][A-Za-z0-9_-]*$/.test(target.text);
  if (apqn === undefined && !isGuest) {
    throw new LineError(
      'APQN',
      target.column,
      `${target.text} is no target`,
      'an APQN, a guest, any, or clear',
    );
  }
  const raw: Record<string, unknown> =
    apqn === undefined ? { guest: target.text } : { apqn: target.text };
  for (const token of fields) addFaultField(raw, token);
  const fault = normaliseFault(raw, [], (_what, [key], message, expected) => {
    const field = fields.find(({ text }) => text.startsWith(`${key}=`));
    const column = field === undefined ? target.column : field.column + `${key}=`.length;
    throw new LineError('FAULT', column, message, expected);
  });
  if (fault === undefined)
    throw new LineError('FAULT', target.column, 'the fault contradicts itself');
  return {
    kind: 'fault',
    ...head,
    fault: target.text === 'any' ? { ...fault, guest: undefined } : fault,
  };
}

function addFaultField(raw: Record<string, unknown>, token: Token): void {
  const equals = token.text.indexOf('=');
  const name = token.text.slice(0, Math.max(equals, 0));
  const read = Object.hasOwn(FAULT_VALUES, name) ? FAULT_VALUES[name] : undefined;
  if (read === undefined) {
    const all = Object.keys(FAULT_VALUES);
    throw new LineError(
      'UNKNOWN_FIELD',
      token.column,
      `${token.text} is nothing a fault knows`,
      `one of ${all.join(', ')}, each with =`,
    );
  }
  if (name in raw) throw new LineError('TWICE', token.column, `${name} stands here a second time`);
  const text = token.text.slice(equals + 1);
  const value = read(text);
  if (value === undefined) {
    throw new LineError(
      'NUMBER',
      token.column + equals + 1,
      `${name} is ${text === '' ? 'empty' : text}`,
      FAULT_FIELDS[name]?.expected,
    );
  }
  raw[name] = value;
}
