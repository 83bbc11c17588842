// SPDX-License-Identifier: Apache-2.0
// echo and printf with the behaviour of bash.
// Source: bash 5.2, builtins/echo.def and printf.def (escapes, messages).

import { type CommandResult, done } from '../../sysfs/command.ts';
import { MAX_WIDTH } from '../language/limits.ts';
import type { Invocation } from './command-row.ts';

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  e: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};
const ESCAPE = /\\(?:0([0-7]{0,3})|x([0-9a-fA-F]{1,2})|([1-7][0-7]{0,2})|(.))/g;

/** A text with its escapes replaced. `ended` tells that a `\c` ended it. */
function replaceEscapes(text: string): { readonly text: string; readonly ended: boolean } {
  const stop = text.search(/(?<=^(?:[^\\]|\\.)*?)\\c/s);
  const kept = stop < 0 ? text : text.slice(0, stop);
  const replaced = kept.replace(
    ESCAPE,
    (all, octal0?: string, hex?: string, octal?: string, letter?: string) => {
      if (octal0 !== undefined)
        return String.fromCharCode(Number.parseInt(octal0 || '0', 8) & 0xff);
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
      return ESCAPES[letter ?? ''] ?? all;
    },
  );
  return { text: replaced, ended: stop >= 0 };
}

/** `echo [-neE] WORD…` */
export function echo({ args }: Invocation): CommandResult {
  let newline = '\n';
  let escapes = false;
  let at = 0;
  for (; /^-[neE]+$/.test(args[at] ?? ''); at++) {
    for (const letter of args[at].slice(1)) {
      if (letter === 'n') newline = '';
      else escapes = letter === 'e';
    }
  }
  const text = args.slice(at).join(' ');
  if (!escapes) return done(text + newline);
  const replaced = replaceEscapes(text);
  return done(replaced.ended ? replaced.text : replaced.text + newline);
}

const CONVERSION = /%([-+ 0#]*)(\d+|\*)?(?:\.(\d+|\*))?([diouxXcsbq%])/g;

interface Formatting {
  readonly args: readonly string[];
  at: number;
  errors: string;
  ended: boolean;
}

function integer(text: string, state: Formatting): bigint {
  const quoted = /^['"](.)/s.exec(text);
  if (quoted !== null) return BigInt(quoted[1].codePointAt(0) ?? 0);
  const match = /^\s*([-+]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)$/.exec(text);
  if (match === null) {
    if (text !== '') state.errors += `bash: printf: ${text}: invalid number\n`;
    return 0n;
  }
  const digits = match[2];
  const value = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return match[1] === '-' ? -value : value;
}

const unsigned = (value: bigint): bigint => BigInt.asUintN(64, value);

/** For each conversion, how it makes its text. */
const CONVERSIONS: Readonly<Record<string, (text: string, state: Formatting) => string>> = {
  d: (text, state) => String(integer(text, state)),
  i: (text, state) => String(integer(text, state)),
  u: (text, state) => String(unsigned(integer(text, state))),
  o: (text, state) => unsigned(integer(text, state)).toString(8),
  x: (text, state) => unsigned(integer(text, state)).toString(16),
  X: (text, state) => unsigned(integer(text, state)).toString(16).toUpperCase(),
  c: (text) => [...text][0] ?? '',
  s: (text) => text,
  q: (text) => (/^[\w./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`),
  b: (text, state) => {
    const replaced = replaceEscapes(text);
    state.ended ||= replaced.ended;
    return replaced.text;
  },
};

const PREFIXES: Readonly<Record<string, string>> = { x: '0x', X: '0X', o: '0' };

function pad(text: string, flags: string, width: number, numeric: boolean): string {
  if (flags.includes('-')) return text.padEnd(width);
  if (!flags.includes('0') || !numeric) return text.padStart(width);
  const sign = /^(?:[-+ ]|0[xX])?/.exec(text)?.[0] ?? '';
  return sign + text.slice(sign.length).padStart(width - sign.length, '0');
}

function convert(match: RegExpMatchArray, state: Formatting): string {
  const [, flags = '', widthText, precisionText, letter = ''] = match;
  if (letter === '%') return '%';
  const number = (text: string | undefined): number | undefined =>
    text === undefined
      ? undefined
      : Math.min(
          MAX_WIDTH,
          Number(text === '*' ? integer(state.args[state.at++] ?? '0', state) : text),
        );
  const width = number(widthText) ?? 0;
  const precision = number(precisionText);
  const numeric = 'diouxX'.includes(letter);
  const make = CONVERSIONS[letter] as (text: string, state: Formatting) => string;
  let text = make(state.args[state.at++] ?? '', state);
  if (precision !== undefined)
    text = numeric
      ? text.replace(/\d+|[0-9a-f]+$/i, (d) => d.padStart(precision, '0'))
      : text.slice(0, precision);
  if (flags.includes('#') && text !== '0') text = (PREFIXES[letter] ?? '') + text;
  if ('di'.includes(letter) && flags.includes('+') && !text.startsWith('-')) text = `+${text}`;
  const left = width < 0 ? `${flags}-` : flags;
  return pad(text, left, Math.abs(width), numeric);
}

/** `printf [-v NAME] FORMAT [WORD…]`. The format is used again as long as words are left. */
export function printf({ args, context }: Invocation): CommandResult {
  const named = args[0] === '-v' ? args[1] : undefined;
  const [format, ...rest] = named === undefined ? args : args.slice(2);
  if (format === undefined) {
    const usage = 'printf: usage: printf [-v var] format [arguments]\n';
    return { stdout: '', stderr: usage, status: 2 };
  }
  const state: Formatting = { args: rest, at: 0, errors: '', ended: false };
  let output = '';
  do {
    const before = state.at;
    let from = 0;
    for (const match of format.matchAll(CONVERSION)) {
      const literal = replaceEscapes(format.slice(from, match.index));
      output += literal.text;
      if (literal.ended || state.ended) break;
      output += convert(match, state);
      from = match.index + match[0].length;
    }
    output += state.ended ? '' : replaceEscapes(format.slice(from)).text;
    if (state.at === before) break;
  } while (state.at < rest.length && !state.ended);
  const status = state.errors === '' ? 0 : 1;
  if (named === undefined) return { stdout: output, stderr: state.errors, status };
  context.variables.set(named, output);
  return { stdout: '', stderr: state.errors, status };
}
