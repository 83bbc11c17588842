// SPDX-License-Identifier: Apache-2.0
// What a sweep goes through: offered loads, amounts of a resource, or both.

import { ApemuError } from '../errors.ts';

interface ResourceRow {
  /** An amount in words, such as `3 queues of each guest`. */
  readonly text: (count: number) => string;
  /** Label of the axis in a plot. */
  readonly axis: string;
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Resources whose amount can be changed, by their names on the command line. */
export const RESOURCES = {
  queues: { text: (n) => `${plural(n, 'queue')} of each guest`, axis: 'queues of each guest' },
  adapters: {
    text: (n) => `${plural(n, 'adapter')} of each guest`,
    axis: 'adapters of each guest',
  },
  depth: { text: (n) => `a depth of ${n}`, axis: 'depth of each queue' },
  engines: {
    text: (n) => `${plural(n, 'engine')} of each adapter`,
    axis: 'engines of each adapter',
  },
} as const satisfies Readonly<Record<string, ResourceRow>>;

export type Resource = keyof typeof RESOURCES;

export const RESOURCE_NAMES = Object.keys(RESOURCES) as readonly Resource[];

/** An amount of a resource. */
export interface Amount {
  readonly what: Resource;
  readonly count: number;
}

/** An amount in words, such as `3 queues of each guest`. */
export const amountText = ({ what, count }: Amount): string => RESOURCES[what].text(count);

const isResource = (name: string): name is Resource => Object.hasOwn(RESOURCES, name);

/** One axis of a sweep. If it has no values, they are found by measuring what the machine can do. */
export interface SweepAxis {
  readonly what: 'rate' | Resource;
  readonly values: readonly number[] | undefined;
}

/** Number of points in a range without a step. */
const DEFAULT_STEPS = 10;
const VALUES_MAX = 256;

/** Offered loads of a sweep that names no rates, as parts of what the machine can do. */
export const DEFAULT_SHARES: readonly number[] = [
  0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 1, 1.05, 1.2,
];

const RANGE = /^(?<from>\d+(?:\.\d+)?)\.\.(?<to>\d+(?:\.\d+)?)(?::(?<step>\d+(?:\.\d+)?))?$/;
const EXPECTED =
  'rate=FROM..TO, rate=FROM..TO:STEP, rate=A,B,C, the same of queues, adapters, depth or engines, or nothing, behind the configuration';

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
 * Reads one `--sweep` option.
 *
 * @throws ApemuError `APEMU_ERR_USAGE_SWEEP`
 */
export const parseSweep = (text: string): SweepAxis => {
  if (text === '' || text === 'rate') return { what: 'rate', values: undefined };
  const [what, list = ''] = text.split('=');
  if (what !== 'rate' && !isResource(what)) throw wrong(text);
  const whole = what !== 'rate';
  if (whole && list === '' && !text.includes('=')) return { what, values: undefined };
  const values = rangeOf(list, whole) ?? listOf(list);
  if (values.length === 0 || values.length > VALUES_MAX)
    throw wrong(text, `1 to ${VALUES_MAX} values, ascending`);
  const bad = values.find((value) => !(value > 0) || (whole && value % 1 !== 0));
  if (bad !== undefined) throw wrong(text, 'values above 0 only');
  return { what, values: [...new Set(values)].sort((a, b) => a - b) };
};
