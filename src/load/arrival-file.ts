// SPDX-License-Identifier: Apache-2.0
// A file of arrivals: times at which messages came somewhere, to be offered to a machine again. A line has a time with its unit
// (`12.5ms`) or in seconds, and `#` begins a comment. The file can also be a JSON list of such times.
// Source: docs/load.md.

import type { FileKind } from '../config/text-file.ts';
import { parseDurationNs } from '../config/units.ts';
import { ApemuError } from '../errors.ts';
import { MIB, NS_PER_SECOND } from '../units.ts';

/** Highest number of arrivals in a file: a million, which is an hour at 278 a second. */
const ARRIVALS_MAX = 1_000_000;

export const ARRIVAL_FILE: FileKind = {
  name: 'file of arrivals',
  code: 'APEMU_ERR_ARRIVALS_READ',
  maxBytes: 32 * MIB,
  maxLines: ARRIVALS_MAX,
};

/** Times of arrival for all guests, and for single guests by name: nanoseconds, ascending. */
export interface ArrivalTimes {
  readonly all?: readonly number[];
  readonly guests: ReadonlyMap<string, readonly number[]>;
}

interface Given {
  readonly value: unknown;
  /** Where an error is: the line, or the place in the list. */
  readonly line?: number;
  readonly element?: number;
}

/**
 * Reads arrivals.
 *
 * @returns nanoseconds, ascending; at least one
 * @throws ApemuError `APEMU_ERR_ARRIVALS_…` with the line, or with the place in a list
 */
export const parseArrivals = (text: string, file: string): readonly number[] => {
  const isList = text.trimStart().startsWith('[');
  const given = isList ? listOf(text, file) : linesOf(text);
  const times: number[] = [];
  for (const one of given) {
    const ns = timeOf(one.value);
    if (ns === undefined)
      throw wrong(
        file,
        one,
        `${shown(one.value)} is no time (expected 12.5ms, or seconds such as 0.0125)`,
      );
    if (ns < (times.at(-1) ?? 0))
      throw wrong(
        file,
        one,
        `${shown(one.value)} is before the time above it (expected times that never go back)`,
      );
    times.push(ns);
  }
  if (times.length === 0)
    throw wrong(
      file,
      {},
      'there is no arrival in it (expected a time on each line, or a JSON list)',
    );
  return times;
};

const linesOf = (text: string): Given[] =>
  text.split('\n').flatMap((line, n) => {
    const value = line.replace(/#.*/, '').trim();
    return value === '' ? [] : [{ value, line: n + 1 }];
  });

const listOf = (text: string, file: string): Given[] => {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    const at = /position (\d+)/.exec((cause as Error).message)?.[1];
    const before = at === undefined ? text : text.slice(0, Number(at));
    const line = before.split('\n').length;
    throw wrong(file, { line }, `it is no JSON: ${(cause as Error).message}`);
  }
  if (!Array.isArray(list)) throw wrong(file, {}, 'it is no list (expected [0.5, "750ms", …])');
  if (list.length > ARRIVALS_MAX)
    throw wrong(
      file,
      {},
      `${list.length} arrivals are too many (expected at most ${ARRIVALS_MAX})`,
    );
  return list.map((value: unknown, n) => ({ value, element: n + 1 }));
};

/** A time in nanoseconds. A number without a unit is in seconds. */
const timeOf = (value: unknown): number | undefined => {
  if (typeof value === 'string' && !/^\d+(\.\d+)?$/.test(value)) return parseDurationNs(value);
  // What is nested without end cannot even be made a number of.
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  const ns = Math.round(Number(value) * NS_PER_SECOND);
  return ns >= 0 && Number.isSafeInteger(ns) ? ns : undefined;
};

const shown = (value: unknown): string => {
  try {
    return JSON.stringify(value).slice(0, 40);
  } catch {
    return 'what is nested without end';
  }
};

const wrong = (file: string, { line, element }: Omit<Given, 'value'>, why: string): ApemuError => {
  const place = { file, ...(line === undefined ? {} : { line }) };
  const where = element === undefined ? '' : `element ${element}: `;
  return new ApemuError('APEMU_ERR_ARRIVALS_FILE', `${where}${why}`, { place });
};
