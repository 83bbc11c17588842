// SPDX-License-Identifier: Apache-2.0
// The values of awk: numbers, texts, and texts from input, which count as numbers if they look like one.
// Source: POSIX.1-2017, utilities, awk (expressions in awk).

/** A text that came from input. */
export class Input {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Value = number | string | Input;

const NUMERIC = /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*$/;
const LEADING = /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/;

export function toNumber(value: Value): number {
  if (typeof value === 'number') return value;
  const text = typeof value === 'string' ? value : value.text;
  return Number(LEADING.exec(text)?.[0] ?? 0);
}

export function toText(value: Value): string {
  if (value instanceof Input) return value.text;
  if (typeof value === 'string') return value;
  if (Number.isInteger(value) && Math.abs(value) < 1e16) return String(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  return String(Number(value.toPrecision(6)));
}

const looksNumeric = (value: Value): boolean =>
  typeof value === 'number' || (value instanceof Input && NUMERIC.test(value.text));

export function isTrue(value: Value): boolean {
  return looksNumeric(value) ? toNumber(value) !== 0 : toText(value) !== '';
}

/** Below, at or above 0: compares two values, as numbers if both are. */
export function compare(a: Value, b: Value): number {
  if (looksNumeric(a) && looksNumeric(b)) return toNumber(a) - toNumber(b);
  const [first, second] = [toText(a), toText(b)];
  return first < second ? -1 : first > second ? 1 : 0;
}
