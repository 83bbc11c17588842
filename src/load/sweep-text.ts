// SPDX-License-Identifier: Apache-2.0
// The result of a sweep: for people a table and what it means, for plots JSON lines.

import { apidText, rateText, shareText, timeText } from './format.ts';
import { PERCENTILES } from './percentiles.ts';
import { figureColumns } from './run-json.ts';
import type { Knee, SweepPoint, SweepResult } from './sweep.ts';
import { type Amount, amountText, type Resource } from './sweep-plan.ts';

const number = (value: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 1 : 0 });

const latency = (point: SweepPoint, percent: (typeof PERCENTILES)[number]): string =>
  timeText(point.figures.latencyNs[PERCENTILES.indexOf(percent)]);

/** Utilisation of the busiest adapter; undefined if no adapter is limited. */
export const busiest = ({ figures }: SweepPoint): number | undefined => {
  const all = figures.adapters.flatMap(({ utilisation }) => utilisation ?? []);
  return all.length === 0 ? undefined : Math.max(...all);
};

interface Column {
  readonly title: string;
  readonly width: number;
  readonly of: (point: SweepPoint) => string;
}

/** The columns of a sweep over this resource. A sweep over the load alone has all queues, so its column says `all`. */
const columnsOf = (what: Resource = 'queues'): readonly Column[] => [
  { title: what, width: Math.max(6, what.length), of: (p) => String(p.amount?.count ?? 'all') },
  { title: 'offered/s', width: 10, of: (p) => number(p.figures.offered ?? 0) },
  { title: 'achieved/s', width: 10, of: (p) => number(p.figures.achieved) },
  { title: 'p50', width: 9, of: (p) => latency(p, 50) },
  { title: 'p99', width: 9, of: (p) => latency(p, 99) },
  { title: 'p99.9', width: 9, of: (p) => latency(p, 99.9) },
  { title: 'busy', width: 7, of: (p) => shareOrNone(busiest(p)) },
  { title: 'full', width: 7, of: (p) => shareOrNone(p.figures.queueFull) },
  { title: '', width: 3, of: (p) => (p.carried ? 'ok' : '-') },
];

function shareOrNone(share: number | undefined): string {
  return share === undefined ? '-' : shareText(share);
}

const row = (columns: readonly Column[], textOf: (column: Column) => string): string =>
  columns.map((column) => textOf(column).padStart(column.width)).join(' ');

const withText = (amount: Amount | undefined): string =>
  amount === undefined ? '' : `with ${amountText(amount)}: `;

/** The sentences about a knee, short enough for a terminal. */
const kneeLines = (knee: Knee): string[] => {
  const where = withText(knee.amount);
  const lines: string[] = [];
  if (knee.rate === undefined) lines.push(`${where}no load of this sweep is carried`);
  else if (knee.above === undefined)
    lines.push(`${where}the knee lies above ${rateText(knee.rate)}: every load was carried`);
  else lines.push(`${where}knee at ${rateText(knee.rate)}`);
  lines.push(`  most that was answered: ${rateText(knee.saturation)}`);
  if (knee.limit !== undefined) {
    const part = knee.rate === undefined ? '' : `, knee at ${shareText(knee.rate / knee.limit)}`;
    lines.push(`  engines / service time: ${rateText(knee.limit)}${part}`);
  }
  if (knee.above === undefined) return lines;
  const names = knee.full.map((apid) => apidText(apid)).join(', ');
  lines.push(
    knee.full.length > 0
      ? `  limited by the engines of adapter ${names}: add adapters`
      : '  engines are not all busy: more or deeper queues, or a faster guest, carry more',
  );
  return lines;
};

const enoughText = ({ enough, points }: SweepResult): string[] => {
  if (enough === undefined) return [];
  const load = rateText(enough.rate);
  if (enough.amount !== undefined) return [`${load} need ${amountText(enough.amount)}`];
  const most = points.at(-1);
  const by = most?.amount === undefined ? 'it' : amountText(most.amount);
  const line = `${load} are not carried by ${by}`;
  // Of the largest amount: what holds back a smaller one is not why this one fails.
  const busy = most === undefined ? 0 : (busiest(most) ?? 0);
  return [busy >= 0.95 ? `${line}: the adapters' engines are all busy` : line];
};

/** The table of all points; below it the knees, or the amount that is enough. */
export const sweepText = (result: SweepResult, how: string): string => {
  if (result.points.length === 0) return 'interrupted before the first point was measured\n';
  const columns = columnsOf(result.points[0]?.amount?.what);
  const lines = [
    row(columns, ({ title }) => title),
    ...result.points.map((point) => row(columns, (column) => column.of(point))),
    '',
    ...(result.interrupted
      ? ['interrupted: these are the points so far, there is no verdict']
      : []),
    ...result.knees.flatMap(kneeLines),
    ...enoughText(result),
  ];
  const rule = 'ok: 99 % of what arrives at each guest is answered in the same time';
  lines.push(
    '',
    result.targetNs === undefined ? rule : `${rule}, p99 <= ${timeText(result.targetNs)}`,
  );
  lines.push('busy: the busiest adapter; full: arrivals that found their queue full', how);
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
};

/** The amount as a column of its own, such as `{ queues: 3 }`. */
const amountColumn = (amount: Amount | undefined): Record<string, number> =>
  amount === undefined ? {} : { [amount.what]: amount.count };

/** JSON with one record for each point, one for each knee, and one for the answer. */
export const sweepJson = (result: SweepResult): string => {
  const { points, knees, enough, interrupted } = result;
  const records = [
    ...points.map(({ figures, amount, ...point }) => ({
      record: 'point',
      ...amountColumn(amount),
      ...point,
      ...figureColumns(figures),
      utilisation: Object.fromEntries(figures.adapters.map((a) => [a.apid, a.utilisation])),
    })),
    ...knees.map(({ amount, ...knee }) => ({ record: 'knee', ...amountColumn(amount), ...knee })),
    ...(interrupted ? [{ record: 'interrupted' }] : []),
    ...(enough === undefined
      ? []
      : [{ record: 'enough', rate: enough.rate, ...amountColumn(enough.amount) }]),
  ];
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
};
