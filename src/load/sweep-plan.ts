// SPDX-License-Identifier: Apache-2.0
// What a sweep goes through: offered loads, numbers of queues, or both.

import { ApemuError } from '../errors.ts';

/** One axis of a sweep; without values they are found by measuring what the machine can do. */
export interface SweepAxis {
  readonly what: 'rate' | 'queues';
  readonly values: readonly number[] | undefined;
}

/** Points of a range without a step. */
const DEFAULT_STEPS = 10;
const VALUES_MAX = 256;

/** Offered load in parts of what the machine can do, for a sweep that names no rates. */
export const DEFAULT_SHARES: readonly number[] = [
  0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 1, 1.05, 1.2,
];

const RANGE = /^(?<from>\d+(?:\.\d+)?)\.\.(?<to>\d+(?:\.\d+)?)(?::(?<step>\d+(?:\.\d+)?))?$/;
const EXPECTED =
  'rate=FROM..TO, rate=FROM..TO:STEP, rate=A,B,C, queues=FROM..TO, or nothing, behind the configuration';

const wrong = (text: string, why = ''): ApemuError =>
  new ApemuError(
    'APEMU_ERR_USAGE_SWEEP',
    `--sweep is ${text}${why === '' ? '' : `: ${why}`} (expected ${EXPECTED})`,
  );

const rangeOf = (text: string, whole: boolean): number[] | undefined => {
  const groups = RANGE.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const from = Number(groups['from']);
  const to = Number(groups['to']);
  const step = Number(groups['step'] ?? (whole ? 1 : (to - from) / DEFAULT_STEPS));
  if (to < from || (step <= 0 && to > from)) return [];
  const count = step === 0 ? 1 : Math.floor((to - from) / step + 1e-9) + 1;
  return count > VALUES_MAX ? [] : Array.from({ length: count }, (_, i) => from + i * step);
};

const listOf = (text: string): number[] =>
  text.split(',').map((part) => (/^\d+(?:\.\d+)?$/.test(part) ? Number(part) : Number.NaN));

/**
 * Reads one `--sweep`.
 * @throws ApemuError `APEMU_ERR_USAGE_SWEEP`
 */
export const parseSweep = (text: string): SweepAxis => {
  if (text === '' || text === 'rate') return { what: 'rate', values: undefined };
  const [what, list = ''] = text.split('=');
  if (what !== 'rate' && what !== 'queues') throw wrong(text);
  if (what === 'queues' && list === '') return { what, values: undefined };
  const values = rangeOf(list, what === 'queues') ?? listOf(list);
  if (values.length === 0 || values.length > VALUES_MAX)
    throw wrong(text, `1 to ${VALUES_MAX} values, ascending`);
  const bad = values.find((value) => !(value > 0) || (what === 'queues' && value % 1 !== 0));
  if (bad !== undefined) throw wrong(text, 'values above 0 only');
  return { what, values: [...new Set(values)].sort((a, b) => a - b) };
};
