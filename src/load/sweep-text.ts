// SPDX-License-Identifier: Apache-2.0
// The result of a sweep: a table and what it means for people, JSON lines for plots.

import { apidText, rateText, shareText, timeText } from './format.ts';
import { PERCENTILES } from './percentiles.ts';
import { figureColumns } from './run-json.ts';
import type { Knee, SweepPoint, SweepResult } from './sweep.ts';

const number = (value: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 1 : 0 });

const latency = (point: SweepPoint, percent: (typeof PERCENTILES)[number]): string =>
  timeText(point.figures.latencyNs[PERCENTILES.indexOf(percent)]);

/** Utilisation of the busiest adapter; undefined where nothing limits any. */
export const busiest = ({ figures }: SweepPoint): number | undefined => {
  const all = figures.adapters.flatMap(({ utilisation }) => utilisation ?? []);
  return all.length === 0 ? undefined : Math.max(...all);
};

interface Column {
  readonly title: string;
  readonly width: number;
  readonly of: (point: SweepPoint) => string;
}

const COLUMNS: readonly Column[] = [
  { title: 'queues', width: 6, of: (p) => (p.queues === undefined ? 'all' : String(p.queues)) },
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

const row = (cells: readonly string[]): string =>
  cells.map((cell, i) => cell.padStart(COLUMNS[i].width)).join(' ');

const queuesText = (queues: number | undefined): string => {
  if (queues === undefined) return '';
  return queues === 1 ? 'with 1 queue a guest: ' : `with ${queues} queues a guest: `;
};

/** What a knee says, in sentences short enough for a terminal. */
const kneeLines = (knee: Knee): string[] => {
  const where = queuesText(knee.queues);
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
  if (enough.queues !== undefined)
    return [`${load} need ${enough.queues} queue${enough.queues === 1 ? '' : 's'} of each guest`];
  const most = points.at(-1)?.queues ?? 0;
  const line = `${load} are not carried by ${most} queues of each guest`;
  const busy = Math.max(0, ...points.map((point) => busiest(point) ?? 0));
  return [busy >= 0.95 ? `${line}: the adapters' engines are all busy` : line];
};

/** The table of all points, and the knees or the number of queues below it. */
export const sweepText = (result: SweepResult, how: string): string => {
  const lines = [
    row(COLUMNS.map(({ title }) => title)),
    ...result.points.map((point) => row(COLUMNS.map((column) => column.of(point)))),
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

/** One record a point, one a knee, and the answer. */
export const sweepJson = (result: SweepResult): string => {
  const points = result.points.map(({ figures, ...point }) => ({
    record: 'point',
    ...point,
    ...figureColumns(figures),
    utilisation: Object.fromEntries(figures.adapters.map((a) => [a.apid, a.utilisation])),
  }));
  const records = [
    ...points,
    ...result.knees.map((knee) => ({ record: 'knee', ...knee })),
    ...(result.interrupted ? [{ record: 'interrupted' }] : []),
    ...(result.enough === undefined ? [] : [{ record: 'enough', ...result.enough }]),
  ];
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
};
