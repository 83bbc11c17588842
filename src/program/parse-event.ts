// SPDX-License-Identifier: Apache-2.0
// Lines of scenarios: `on … : EVENT`, `at TIME: EVENT`, `idle: EVENT`, `user: …`.
// Source: docs/design.md section 10.

import { INJECTION_EXPECTED, parseInjection } from '../cex/inject-text.ts';
import { REPLY_FIELD_EXPECTED, replyField, replyFieldMax } from '../cex/reply-fields.ts';
import { nearest } from '../config/mistakes.ts';
import { parseApqn, parseDurationNs, parseNumber } from '../config/units.ts';
import type { EventStatement } from './ast.ts';
import {
  INTERRUPT_WAYS,
  REQUEST_KINDS,
  REQUESTS_MAX,
  type ScenarioEvent,
  type Trigger,
  type UserEvent,
} from './events.ts';
import { LineError, type LineParts, splitLine, type Token, tokenize } from './lexer.ts';
import { noExpectation, noMore } from './parse-fields.ts';
import { DURATION_EXPECTED, type Head, parseLpar, parseSysfs, readDuration } from './parse-host.ts';
import { parseKernelUser } from './parse-kernel-user.ts';
import { GUEST, parseTrigger, within } from './parse-trigger.ts';

/** The head of the line up to its colon. A `#` in it belongs to an occasion and does not begin a comment. */
const HEAD = /^\s*(on|at|idle|user)(?=[\s:])([^:"]*):/;

const EVENT_EXPECTED =
  'rc=, cc=, delay=, drop, duplicate, reorder, reply FIELD=, reply=, interrupt …, lpar: …, sysfs: …, host: …, scan, or user: …';
const USER_EXPECTED =
  'request [xN] [APQN] [crt | mex | rng | query], or close; for a kernel echo TEXT > FILE, cat FILE, or signal';

/** Whether a line is one of a scenario. */
export const isEventLine = (text: string): boolean => HEAD.test(text);

/**
 * Parses one line that `isEventLine` has recognised.
 *
 * @throws LineError
 */
export function parseEventLine(text: string, line: number): EventStatement {
  const match = HEAD.exec(text) as RegExpExecArray;
  const length = match[0].length;
  const word = match[1];
  const blank = ' '.repeat(length);
  // What the head holds is blanked, so that columns stay and its `#` is no comment.
  const parts = splitLine(blank + text.slice(length));
  const head = { line, comment: parts.comment };
  const words = tokenize(match[2], length - match[2].length);
  if (word === 'user') {
    noMore(words, 0);
    const event = parseUser(tokenize(parts.body, 1), length + 1);
    noExpectation(parts.expectation, parts.expectationColumn, 'an event');
    return { kind: 'event', ...head, trigger: { kind: 'start' }, event };
  }
  const trigger = parseTrigger(word, words, length);
  const event = parseEvent(head, length, parts);
  noExpectation(parts.expectation, parts.expectationColumn, 'an event');
  checkPlace(trigger, event, length + 1);
  return { kind: 'event', ...head, trigger, event };
}

/** Checks that events about an instruction or its message are on `on` lines. */
function checkPlace(trigger: Trigger, event: ScenarioEvent, column: number): void {
  const wants = instructionOf(event);
  if (wants === undefined) return;
  if (trigger.kind !== 'on')
    throw new LineError('EVENT', column, `${event.kind} happens to an instruction`, 'on …:');
  if (wants === 'any') return;
  if (trigger.on === wants || trigger.on === 'any') return;
  if (wants === 'message' && (trigger.on === 'nqap' || trigger.on === 'dqap')) return;
  const names = wants === 'message' ? 'nqap or dqap' : wants;
  throw new LineError(
    'EVENT',
    column,
    `${event.kind} does not go with ${trigger.on}`,
    `on ${names}`,
  );
}

/** The instruction an event needs; `message`: one of the two that move messages; undefined: none. */
const instructionOf = (event: ScenarioEvent): 'any' | 'nqap' | 'message' | undefined => {
  switch (event.kind) {
    case 'rc':
      return 'any';
    case 'cc':
      return 'message';
    case 'delay':
    case 'drop':
    case 'duplicate':
    case 'reorder':
    case 'reply':
    case 'field':
      return 'nqap';
    case 'interrupt':
      return event.how === 'spurious' ? undefined : 'nqap';
    default:
      return undefined;
  }
};

/** Events that are lines of their own elsewhere: their subject and the rest. */
const SUBJECT = /^(\s*)(lpar|sysfs|host|user)\s*:/;

function parseEvent(head: Head, start: number, parts: LineParts): ScenarioEvent {
  const match = SUBJECT.exec(parts.body.slice(start));
  if (match === null) return parseWords(tokenize(parts.body, 1), start + 1);
  const from = start + match[0].length;
  const words = tokenize(parts.body.slice(from), from + 1);
  const line = { ...head, comment: undefined };
  switch (match[2]) {
    case 'lpar': {
      const { verb, values } = parseLpar(line, words, { ...parts, expectation: undefined });
      return { kind: 'lpar', verb, values };
    }
    case 'sysfs': {
      const { command } = parseSysfs(line, from, { ...parts, expectation: undefined });
      return { kind: 'sysfs', command };
    }
    case 'host':
      return parseHostReset(words, from + 1);
    default:
      return parseUser(words, from + 1);
  }
}

function parseHostReset([verb, queue, ...more]: readonly Token[], column: number): ScenarioEvent {
  const expected = 'rapq APQN, or zapq APQN';
  const apqn = parseApqn(queue?.text ?? '');
  if (verb === undefined || (verb.text !== 'rapq' && verb.text !== 'zapq') || apqn === undefined)
    throw new LineError('EVENT', verb?.column ?? column, 'the host resets a queue here', expected);
  noMore(more, 0);
  return { kind: 'host', mnemonic: verb.text, apqn };
}

function parseUser(words: readonly Token[], column: number): UserEvent {
  const kernel = parseKernelUser(words);
  if (kernel !== undefined) return kernel;
  const named = words[0] !== undefined && !['request', 'close'].includes(words[0].text);
  const guest = named && GUEST.test(words[0]?.text ?? '') ? words[0]?.text : undefined;
  const [verb, ...rest] = guest === undefined ? words : words.slice(1);
  if (verb?.text === 'close') {
    noMore(rest, 0);
    return { kind: 'close', guest };
  }
  if (verb?.text !== 'request')
    throw new LineError(
      'EVENT',
      verb?.column ?? words[0]?.column ?? column,
      'a user does not do this',
      USER_EXPECTED,
    );
  return parseRequest(rest, guest);
}

function parseRequest(words: readonly Token[], guest: string | undefined): UserEvent {
  let count = 1;
  let apqn: number | undefined;
  let what: (typeof REQUEST_KINDS)[number] | undefined;
  for (const { text, column } of words) {
    const kind = REQUEST_KINDS.find((name) => name === text);
    const times = /^x(\d{1,5})$/.exec(text);
    const queue = parseApqn(text);
    if (times !== null && count === 1) {
      const n = within(Number(times[1]), REQUESTS_MAX);
      if (n === undefined)
        throw new LineError('RANGE', column, `${text} requests`, `x1 to x${REQUESTS_MAX}`);
      count = n;
    } else if (queue !== undefined) apqn = queue;
    else if (kind !== undefined) what = kind;
    else throw new LineError('UNKNOWN_WORD', column, `unknown word ${text}`, USER_EXPECTED);
  }
  return { kind: 'request', guest, count, apqn, what };
}

/** The parsers of events by the first word: `name` alone, or `name=VALUE`. */
const EVENTS: Readonly<
  Record<string, (value: string | undefined, more: readonly Token[]) => ScenarioEvent | undefined>
> = {
  rc: (value) =>
    /^(?:0[xX])?[0-9a-fA-F]{1,2}$/.test(value ?? '')
      ? { kind: 'rc', rc: Number.parseInt(value as string, 16) }
      : undefined,
  cc: (value, more) => {
    const every = /^every=(\d{1,7})$/.exec(more[0]?.text ?? '');
    const bytes = every === null ? undefined : within(Number(every[1]), 2 ** 20);
    if (value === '1' && more.length === 0) return { kind: 'cc', cc: 1, everyBytes: undefined };
    if (value !== '2' || more.length > (bytes === undefined ? 0 : 1)) return undefined;
    return { kind: 'cc', cc: 2, everyBytes: bytes };
  },
  delay: (value) => {
    const delayNs = parseDurationNs(value ?? '');
    return delayNs === undefined ? undefined : { kind: 'delay', delayNs };
  },
  drop: (value) => (value === undefined ? { kind: 'drop' } : undefined),
  duplicate: (value) => (value === undefined ? { kind: 'duplicate' } : undefined),
  reorder: (value) => {
    const places = value === undefined ? 1 : within(parseNumber(value), 255);
    return places === undefined ? undefined : { kind: 'reorder', places };
  },
  reply: (value, more) => {
    if (value !== undefined) {
      const reply = parseInjection(value);
      return reply === undefined || more.length > 0 ? undefined : { kind: 'reply', reply };
    }
    return more.length === 1 ? parseReplyField(more[0] as Token) : undefined;
  },
  interrupt: (value, more) => {
    const how = INTERRUPT_WAYS.find((way) => way === more[0]?.text);
    const late = how === 'late';
    if (value !== undefined || how === undefined || more.length !== (late ? 2 : 1))
      return undefined;
    return { kind: 'interrupt', how, delayNs: late ? readDuration(more[1] as Token) : undefined };
  },
  scan: (value) => (value === undefined ? { kind: 'scan' } : undefined),
};

/** Words that may follow the first one. */
const TAKES_MORE: ReadonlySet<string> = new Set(['cc', 'reply', 'interrupt']);

const EXPECTED: Readonly<Record<string, string>> = {
  rc: 'rc=, a response code in hexadecimal, up to ff',
  cc: 'cc=1, cc=2, or cc=2 every=BYTES',
  delay: `delay=, ${DURATION_EXPECTED}`,
  reorder: 'reorder, or reorder=PLACES, 1 to 255',
  reply: `reply FIELD=VALUE with ${REPLY_FIELD_EXPECTED}; or reply=, ${INJECTION_EXPECTED}`,
  interrupt: 'interrupt lost, early, late TIME, coalesced or spurious',
};

function parseWords(words: readonly Token[], column: number): ScenarioEvent {
  const [first, ...more] = words;
  if (first === undefined)
    throw new LineError('EVENT', column, 'nothing happens here', EVENT_EXPECTED);
  const equals = first.text.indexOf('=');
  const name = equals < 0 ? first.text : first.text.slice(0, equals);
  const read = Object.hasOwn(EVENTS, name) ? EVENTS[name] : undefined;
  if (read === undefined) {
    const close = nearest(name, Object.keys(EVENTS));
    const hint = close === undefined ? '' : `, did you mean ${close}?`;
    throw new LineError(
      'UNKNOWN_WORD',
      first.column,
      `unknown event ${name}${hint}`,
      EVENT_EXPECTED,
    );
  }
  if (!TAKES_MORE.has(name)) noMore(more, 0);
  const event = read(equals < 0 ? undefined : first.text.slice(equals + 1), more);
  if (event === undefined) {
    const text = words.map((word) => word.text).join(' ');
    throw new LineError('EVENT', first.column, `${text} is no event`, EXPECTED[name] ?? name);
  }
  return event;
}

function parseReplyField({ text, column }: Token): ScenarioEvent {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(equals, 0));
  const row = replyField(name);
  if (row === undefined)
    throw new LineError(
      'UNKNOWN_FIELD',
      column,
      `a reply has no ${name === '' ? text : name}`,
      REPLY_FIELD_EXPECTED,
    );
  const value = parseNumber(text.slice(equals + 1));
  if (value === undefined || value > replyFieldMax(row))
    throw new LineError(
      'NUMBER',
      column + equals + 1,
      `${name} is ${text.slice(equals + 1)}`,
      `a number up to ${replyFieldMax(row)}, decimal, or hexadecimal with 0x`,
    );
  return { kind: 'field', field: row.name, value };
}
