// SPDX-License-Identifier: Apache-2.0
// Parses when an event of a scenario happens, which is the text before its colon.
// Source: docs/design.md section 10.

import { nearest } from '../config/mistakes.ts';
import { FAULT_INSTRUCTIONS, type FaultInstruction } from '../config/types.ts';
import { parseApqn, parseNumber } from '../config/units.ts';
import { OCCASION_MAX, type Occasion, type Trigger } from './events.ts';
import { LineError, type Token } from './lexer.ts';
import { noMore } from './parse-fields.ts';
import { DURATION_EXPECTED, readDuration } from './parse-host.ts';

export const GUEST = /^[A-Za-z][A-Za-z0-9_-]*$/;
const OCCASION = /^#(\d{1,10})(\.\.)?$/;
const NTH = { kind: 'nth', n: 1 } as const;

const TRIGGER_EXPECTED =
  'on [GUEST] [FUNCTION] [APQN] [#N | #N.. | every N]: EVENT, at TIME: EVENT, idle [#N]: EVENT';
/** `word` is the first one of the line, `end` the column of its colon. */
export function parseTrigger(word: string, words: readonly Token[], end: number): Trigger {
  if (word === 'at') {
    const [time] = words;
    noMore(words, 1);
    if (time === undefined)
      throw new LineError('SYNTAX', end, 'at needs a time', DURATION_EXPECTED);
    return { kind: 'at', timeNs: readDuration(time) };
  }
  if (word === 'idle') {
    const { occasion, left } = takeOccasion(words);
    noMore(left, 0);
    return { kind: 'idle', occasion };
  }
  return parseOn(words);
}

/** Splits `#N`, `#N..` or `every N` off the end of the words. */
function takeOccasion(words: readonly Token[]): { occasion: Occasion; left: readonly Token[] } {
  const last = words.at(-1);
  if (words.at(-2)?.text === 'every' && last !== undefined) {
    const n = within(parseNumber(last.text), OCCASION_MAX);
    if (n === undefined)
      throw new LineError('NUMBER', last.column, `every got ${last.text}`, 'a number from 1');
    return { occasion: { kind: 'every', n }, left: words.slice(0, -2) };
  }
  if (last === undefined || !last.text.startsWith('#')) return { occasion: NTH, left: words };
  const match = OCCASION.exec(last.text);
  const n = within(Number(match?.[1] ?? Number.NaN), OCCASION_MAX);
  if (n === undefined)
    throw new LineError('NUMBER', last.column, `${last.text} is no occasion`, '#N or #N.. from 1');
  const kind = match?.[2] === undefined ? 'nth' : 'from';
  return { occasion: { kind, n }, left: words.slice(0, -1) };
}

/** The number if it is one from 1 to `most`. */
export const within = (value: number | undefined, most: number): number | undefined =>
  value !== undefined && value >= 1 && value <= most ? value : undefined;

const isFunction = (text: string): text is FaultInstruction =>
  (FAULT_INSTRUCTIONS as readonly string[]).includes(text);

function parseOn(all: readonly Token[]): Trigger {
  const { occasion, left } = takeOccasion(all);
  let guest: string | undefined;
  let on: FaultInstruction | undefined;
  let apqn: number | undefined;
  for (const token of left) {
    const { text, column } = token;
    const queue = parseApqn(text);
    if (queue !== undefined && apqn === undefined) apqn = queue;
    else if (isFunction(text) && on === undefined && apqn === undefined) on = text;
    else if (GUEST.test(text) && guest === undefined && on === undefined && apqn === undefined)
      guest = text;
    else throw unknownWord(text, column);
  }
  return { kind: 'on', guest, on: on ?? 'any', apqn, occasion };
}

const unknownWord = (text: string, column: number): LineError => {
  const close = nearest(text, [...FAULT_INSTRUCTIONS, 'every']);
  const hint = close === undefined ? '' : `, did you mean ${close}?`;
  return new LineError(
    'UNKNOWN_WORD',
    column,
    `${text} is nothing a trigger knows${hint}`,
    TRIGGER_EXPECTED,
  );
};
