// SPDX-License-Identifier: Apache-2.0
// The functions of awk, except those that change their operands.
// Source: POSIX.1-2017, utilities, awk (arithmetic and string functions).
import { bounded, MAX_WIDTH } from '../../language/limits.ts';
import { toNumber, toText, type Value } from './values.ts';

type Plain = (args: readonly Value[]) => Value;

const text = (args: readonly Value[], n: number): string => toText(args[n] ?? '');
const number = (args: readonly Value[], n: number): number => toNumber(args[n] ?? 0);

function substr(args: readonly Value[]): string {
  const start = Math.round(number(args, 1));
  const end = args.length > 2 ? start + Math.round(number(args, 2)) : Number.POSITIVE_INFINITY;
  return text(args, 0).slice(Math.max(0, start - 1), Math.max(0, end - 1));
}

/** Functions by name; undefined for those that the run itself has because they need more than values. */
export const FUNCTIONS: Readonly<Record<string, Plain | undefined>> = {
  index: (args) => text(args, 0).indexOf(text(args, 1)) + 1,
  substr,
  tolower: (args) => text(args, 0).toLowerCase(),
  toupper: (args) => text(args, 0).toUpperCase(),
  int: (args) => Math.trunc(number(args, 0)),
  sqrt: (args) => Math.sqrt(number(args, 0)),
  exp: (args) => Math.exp(number(args, 0)),
  log: (args) => Math.log(number(args, 0)),
  sin: (args) => Math.sin(number(args, 0)),
  cos: (args) => Math.cos(number(args, 0)),
  atan2: (args) => Math.atan2(number(args, 0), number(args, 1)),
  strtonum: (args) => Number(text(args, 0).trim() || '0') || 0,
  sprintf: (args) => format(text(args, 0), args.slice(1)),
  length: undefined,
  split: undefined,
  match: undefined,
  sub: undefined,
  gsub: undefined,
};

const CONVERSION = /%([-+ 0#]*)(\*|\d+)?(?:\.(\*|\d+))?([diouxXcsfFeEgG%])/g;

/** The printf of awk. */
export function format(pattern: string, args: readonly Value[]): string {
  let at = 0;
  const next = (): Value => args[at++] ?? '';
  const size = (given: string | undefined): number | undefined =>
    given === undefined
      ? undefined
      : Math.min(MAX_WIDTH, given === '*' ? toNumber(next()) : Number(given));
  const formatted = pattern.replace(CONVERSION, (_all, flags: string, w, p, letter: string) => {
    if (letter === '%') return '%';
    const [width = 0, precision] = [size(w), size(p)];
    const made = convert(letter, next(), precision);
    const signed =
      flags.includes('+') && /[dieEfFgG]/.test(letter) && !made.startsWith('-') ? `+${made}` : made;
    if (flags.includes('-') || width < 0) return signed.padEnd(Math.abs(width));
    if (!flags.includes('0') || /[cs]/.test(letter)) return signed.padStart(width);
    const sign = /^[-+]/.exec(signed)?.[0] ?? '';
    return sign + signed.slice(sign.length).padStart(width - sign.length, '0');
  });
  return bounded(formatted, 'a text of awk');
}

function convert(letter: string, value: Value, precision: number | undefined): string {
  const digits = Math.min(precision ?? 6, 60);
  const whole = Math.trunc(toNumber(value)) || 0;
  switch (letter) {
    case 'c':
      return typeof value === 'number'
        ? String.fromCodePoint(Math.min(0x10ffff, Math.max(0, whole)))
        : toText(value).slice(0, 1);
    case 's':
      return toText(value).slice(0, precision);
    case 'o':
      return whole.toString(8);
    case 'x':
      return whole.toString(16);
    case 'X':
      return whole.toString(16).toUpperCase();
    case 'f':
    case 'F':
      return toNumber(value).toFixed(digits);
    case 'e':
    case 'E':
      return toNumber(value)
        .toExponential(digits)
        .replace(/e([-+])(\d)$/, 'e$10$2');
    case 'g':
    case 'G':
      return String(Number(toNumber(value).toPrecision(digits || 1)));
    default:
      return String(whole).padStart(precision ?? 0, '0');
  }
}
