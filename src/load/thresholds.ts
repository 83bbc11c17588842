// SPDX-License-Identifier: Apache-2.0
// Thresholds of `--fail-if`: a figure of the load, a comparison, and a value. If the condition holds, the run has failed.
// Source: docs/load.md.

import { parseDurationNs } from '../config/units.ts';
import { ApemuError } from '../errors.ts';
import type { LoadFigures } from './figures.ts';
import { countText, rateText, shareText, timeText } from './format.ts';
import { PERCENTILES } from './percentiles.ts';

/** The units of figures. */
type Kind = 'time' | 'rate' | 'share' | 'count';

interface Metric {
  readonly kind: Kind;
  /** Reads the figure; undefined if there is none, because nothing was answered or nothing arrives. */
  readonly of: (figures: LoadFigures) => number | undefined;
}

const METRICS: ReadonlyMap<string, Metric> = new Map<string, Metric>([
  ...PERCENTILES.map((percent, n): [string, Metric] => [
    `p${percent}`,
    { kind: 'time', of: ({ latencyNs }) => latencyNs[n] },
  ]),
  ['mean', { kind: 'time', of: ({ meanNs, answered }) => (answered === 0 ? undefined : meanNs) }],
  ['max', { kind: 'time', of: ({ maxNs }) => maxNs }],
  ['answered', { kind: 'count', of: ({ answered }) => answered }],
  ['rate', { kind: 'rate', of: ({ achieved }) => achieved }],
  ['unanswered', { kind: 'count', of: ({ unanswered }) => unanswered }],
  ['dropped', { kind: 'count', of: ({ overrun }) => overrun }],
  ['wrong', { kind: 'count', of: ({ mishaps }) => mishaps['wrong'] ?? 0 }],
  ['flushed', { kind: 'count', of: ({ mishaps }) => mishaps['flushed'] ?? 0 }],
  ['full', { kind: 'share', of: ({ queueFull }) => queueFull }],
  ['retries', { kind: 'share', of: ({ retries }) => retries }],
  ['busy', { kind: 'share', of: ({ adapters }) => busiestOf(adapters) }],
]);

const busiestOf = (adapters: LoadFigures['adapters']): number | undefined => {
  const all = adapters.flatMap(({ utilisation }) => utilisation ?? []);
  return all.length === 0 ? undefined : Math.max(...all);
};

const COMPARISONS: Readonly<Record<string, (figure: number, limit: number) => boolean>> = {
  '>': (figure, limit) => figure > limit,
  '>=': (figure, limit) => figure >= limit,
  '<': (figure, limit) => figure < limit,
  '<=': (figure, limit) => figure <= limit,
};

/** For each kind of value, how it is read and what is expected of it. */
const VALUES: Readonly<
  Record<Kind, readonly [read: (text: string) => number | undefined, expected: string]>
> = {
  time: [(text) => parseDurationNs(text), 'a time such as 1ms'],
  rate: [(text) => plain(/^(.+?)(?:\/s)?$/.exec(text)?.[1] ?? ''), 'messages a second'],
  share: [(text) => percent(text), 'a share such as 5%'],
  count: [(text) => plain(text), 'a number'],
};

const plain = (text: string): number | undefined =>
  /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;

const percent = (text: string): number | undefined => {
  const value = plain(text.replace(/ ?%$/, ''));
  return value === undefined || !text.endsWith('%') ? undefined : value / 100;
};

const TEXTS: Readonly<Record<Kind, (value: number) => string>> = {
  time: timeText,
  rate: rateText,
  share: shareText,
  count: countText,
};

/** One `--fail-if` option. */
export interface Threshold {
  /** The option as it was typed. */
  readonly text: string;
  /** Name of the guest; undefined for all guests together. */
  readonly guest: string | undefined;
  readonly metric: string;
  readonly comparison: string;
  readonly limit: number;
}

/** The result of a threshold. */
export interface ThresholdResult {
  readonly text: string;
  /** The figure in words; `-` if there is none. */
  readonly figure: string;
  /** Whether the condition holds, or there is no figure it could be tested with. */
  readonly failed: boolean;
}

const FORM =
  /^(?:(?<guest>[A-Za-z][\w-]*):)?(?<metric>[a-z][a-z\d.]*) ?(?<comparison>[<>]=?) ?(?<value>.+)$/;
const EXPECTED = `FIGURE>VALUE, such as 'p99>1ms', 'rate<10000' or 'Guest1:busy>90%'; figures: ${[...METRICS.keys()].join(', ')}`;

const wrong = (text: string, why: string): ApemuError =>
  new ApemuError('APEMU_ERR_USAGE_FAIL_IF', `--fail-if is ${text}: ${why}`);

/**
 * Reads one `--fail-if` option.
 *
 * @throws ApemuError `APEMU_ERR_USAGE_FAIL_IF`
 */
export const parseThreshold = (text: string): Threshold => {
  const { guest, metric = '', comparison = '', value = '' } = FORM.exec(text.trim())?.groups ?? {};
  const row = METRICS.get(metric);
  if (row === undefined) throw wrong(text, `expected ${EXPECTED}`);
  const [read, expected] = VALUES[row.kind];
  const limit = read(value);
  if (limit === undefined) throw wrong(text, `${metric} is compared with ${expected}`);
  return { text: text.trim(), guest, metric, comparison, limit };
};

/**
 * Checks that the guests named in thresholds exist.
 *
 * @throws ApemuError `APEMU_ERR_USAGE_FAIL_IF` for a guest that is not among `guests`
 */
export const checkThresholds = (
  thresholds: readonly Threshold[],
  guests: readonly string[],
): void => {
  const unknown = thresholds.find(({ guest }) => guest !== undefined && !guests.includes(guest));
  if (unknown === undefined) return;
  const expected = guests.join(', ') || 'none: no guest makes a load';
  throw wrong(
    unknown.text,
    `there is no guest ${unknown.guest} with a load (expected ${expected})`,
  );
};

/** Tests a threshold with the figures it is for; undefined if its guest has none. */
export const testThreshold = (
  { text, metric, comparison, limit }: Threshold,
  figures: LoadFigures | undefined,
): ThresholdResult => {
  const row = METRICS.get(metric) as Metric;
  const value = figures === undefined ? undefined : row.of(figures);
  if (value === undefined) return { text, figure: '-', failed: true };
  const failed = COMPARISONS[comparison](value, limit);
  return { text, figure: TEXTS[row.kind](value), failed };
};
