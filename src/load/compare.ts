// SPDX-License-Identifier: Apache-2.0
// Compares two runs or two sweeps: shows the figures of both, and what has changed from the first to the second.
// Source: docs/load.md.

import { ApemuError } from '../errors.ts';
import { apidText, countText, rateText, shareText, timeText } from './format.ts';
import { PERCENTILES } from './percentiles.ts';
import { numberOf, type RunFile, type RunRecord, recordsOf } from './run-file.ts';
import { RESOURCE_NAMES, type Resource } from './sweep-plan.ts';

/** One figure of both. */
export interface Compared {
  readonly label: string;
  readonly a: number | undefined;
  readonly b: number | undefined;
  readonly text: (value: number) => string;
  /** Set for shares, which are compared by their difference; other figures are compared by their ratio. */
  readonly share?: true;
}

export interface Comparison {
  readonly kind: RunFile['kind'];
  readonly rows: readonly Compared[];
}

interface Figure {
  readonly label: string;
  readonly of: string;
  readonly text: (value: number) => string;
  readonly share?: true;
}

const FIGURES: readonly Figure[] = [
  { label: 'messages answered', of: 'answered', text: countText },
  { label: 'answered', of: 'achieved', text: rateText },
  { label: 'offered', of: 'offered', text: rateText },
  ...PERCENTILES.map((p): Figure => ({ label: `latency p${p}`, of: `p${p}Ns`, text: timeText })),
  { label: 'latency max', of: 'maxNs', text: timeText },
  { label: 'queue full', of: 'queueFull', text: shareText, share: true },
  { label: 'RC 10 of NQAPs', of: 'rc10', text: shareText, share: true },
  { label: 'retries', of: 'retries', text: shareText, share: true },
  { label: 'unanswered', of: 'unanswered', text: countText },
  { label: 'arrivals dropped', of: 'overrun', text: countText },
  { label: 'limit', of: 'limitPerSecond', text: rateText },
];

const ADAPTER_FIGURES: readonly Figure[] = [
  { label: 'busy', of: 'utilisation', text: shareText, share: true },
  { label: 'service', of: 'serviceNs', text: timeText },
  { label: 'waits', of: 'waitNs', text: timeText },
];

/** Figures of sweeps over the load. The limit is engines / service time. */
const KNEE_FIGURES: readonly Figure[] = [
  { label: 'knee', of: 'rate', text: rateText },
  { label: 'most answered', of: 'saturation', text: rateText },
  { label: 'limit', of: 'limit', text: rateText },
];

/** The rows for one record of each file. Figures that neither record has are left out. */
const rowsOf = (
  prefix: string,
  figures: readonly Figure[],
  a: RunRecord | undefined,
  b: RunRecord | undefined,
): Compared[] =>
  figures
    .map(({ label, of, ...rest }) => ({
      ...rest,
      label: `${prefix}${label}`,
      a: numberOf(a, of),
      b: numberOf(b, of),
    }))
    .filter((row) => row.a !== undefined || row.b !== undefined);

/** The keys of both, in their order. */
const keysOf = (
  a: readonly RunRecord[],
  b: readonly RunRecord[],
  name: string,
): (number | undefined)[] =>
  [...new Set([...a, ...b].map((record) => numberOf(record, name)))].sort((x = 0, y = 0) => x - y);

/** The first record of each key. */
const byKey = (records: readonly RunRecord[], name: string) =>
  new Map([...records].reverse().map((record) => [numberOf(record, name), record]));

/**
 * Compares the figures of two files.
 *
 * @throws ApemuError `APEMU_ERR_REPORT_KIND` for a run and a sweep
 */
export const compareRuns = (a: RunFile, b: RunFile): Comparison => {
  if (a.kind !== b.kind)
    throw new ApemuError(
      'APEMU_ERR_REPORT_KIND',
      `${a.file} is a ${a.kind} and ${b.file} is a ${b.kind} (expected two of a kind)`,
    );
  return { kind: a.kind, rows: a.kind === 'run' ? runRows(a, b) : sweepRows(a, b) };
};

const runRows = (a: RunFile, b: RunFile): Compared[] => {
  const adapters = [recordsOf(a, 'adapter'), recordsOf(b, 'adapter')] as const;
  const [first, second] = adapters.map((records) => byKey(records, 'apid'));
  return [
    ...rowsOf('', FIGURES, recordsOf(a, 'run')[0], recordsOf(b, 'run')[0]),
    ...keysOf(...adapters, 'apid').flatMap((apid) =>
      rowsOf(`adapter ${apidText(apid ?? 0)} `, ADAPTER_FIGURES, first.get(apid), second.get(apid)),
    ),
  ];
};

/** The resource that a sweep is over; undefined if it is over the load alone. */
export const resourceIn = ({ records }: RunFile): Resource | undefined =>
  RESOURCE_NAMES.find((name) => records.some((record) => numberOf(record, name) !== undefined));

const sweepRows = (a: RunFile, b: RunFile): Compared[] => {
  const what = resourceIn(a) ?? resourceIn(b);
  const knees = [recordsOf(a, 'knee'), recordsOf(b, 'knee')] as const;
  if (what === undefined) return rowsOf('', KNEE_FIGURES, knees[0][0], knees[1][0]);
  const [first, second] = knees.map((records) => byKey(records, what));
  const rows = keysOf(...knees, what).flatMap((count) =>
    rowsOf(
      count === undefined ? '' : `${what} ${count}: `,
      KNEE_FIGURES,
      first.get(count),
      second.get(count),
    ),
  );
  const enough = [recordsOf(a, 'enough')[0], recordsOf(b, 'enough')[0]] as const;
  return [
    ...rows,
    ...rowsOf('', [{ label: `${what} needed`, of: what, text: countText }], ...enough),
  ];
};

/** From this ratio on, a change is given as "N times" and not in percent. */
const TIMES = 10;

const LABEL_COLUMNS = 24;
const FIGURE_COLUMNS = 16;

/** The change as text: `+12.3 %`, or for shares `+1.2 points`; `-` if one of them is missing or nothing can be said. */
export const changeText = ({ a, b, share }: Compared): string => {
  if (a === undefined || b === undefined) return '-';
  if (a === b) return '=';
  const sign = b > a ? '+' : '-';
  if (share === true) return `${sign}${(100 * Math.abs(b - a)).toFixed(1)} points`;
  if (a === 0) return '-';
  const times = b / a;
  if (times >= TIMES) return `${countText(Math.round(times))} times`;
  return `${sign}${(100 * Math.abs(times - 1)).toFixed(1)} %`;
};

const valueText = (value: number | undefined, text: (value: number) => string): string =>
  value === undefined ? '-' : text(value);

/** The end of a name that is too long, since the end usually tells two files apart. */
const shortened = (name: string): string =>
  name.length <= FIGURE_COLUMNS - 3 ? name : `…${name.slice(4 - FIGURE_COLUMNS)}`;

/** The comparison for people, at most 80 columns wide. */
export const comparisonText = ({ rows }: Comparison, names: readonly [string, string]): string => {
  const line = (label: string, ...cells: readonly string[]): string =>
    `${label.padEnd(LABEL_COLUMNS)}${cells.map((cell) => cell.padStart(FIGURE_COLUMNS)).join('')}`.trimEnd();
  return [
    line('', `A ${shortened(names[0])}`, `B ${shortened(names[1])}`, 'change'),
    ...rows.map((row) =>
      line(row.label, valueText(row.a, row.text), valueText(row.b, row.text), changeText(row)),
    ),
    '',
  ].join('\n');
};

/** JSON with one record for each figure. `change` is the change as a part of A, or for shares the difference. */
export const comparisonJson = ({ rows }: Comparison): string =>
  rows
    .map(({ label, a, b, share }) => {
      const known = a !== undefined && b !== undefined;
      const change = !known ? undefined : share === true ? b - a : a === 0 ? undefined : b / a - 1;
      return `${JSON.stringify({ record: 'figure', label, a, b, change })}\n`;
    })
    .join('');
