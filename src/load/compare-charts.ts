// SPDX-License-Identifier: Apache-2.0
// The charts on the page that compares two runs or two sweeps: the same charts as for one, with the lines of both.

import { NS_PER_SECOND } from '../units.ts';
import { type Chart, latencyChart } from './charts.ts';
import { resourceIn } from './compare.ts';
import { apidText } from './format.ts';
import type { DistributionStep } from './percentiles.ts';
import { numberOf, type RunFile, type RunRecord, recordsOf } from './run-file.ts';
import { RESOURCES } from './sweep-plan.ts';

/** A file, and the letter with which the names of its lines begin. */
interface Named {
  readonly name: string;
  readonly run: RunFile;
}

interface Line {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number | undefined])[];
}

/** A line for each adapter of two runs: nobody reads more. */
const DRAWN_LINES_MAX = 512;

/** One chart of lines that have their own points each. */
const chartOf = (
  title: string,
  x: Pick<Chart['x'], 'label' | 'kind'>,
  y: Chart['y'],
  lines: readonly Line[],
): Chart[] => {
  const drawn = lines
    .filter(({ points }) => points.some(([, value]) => value !== undefined))
    .slice(0, DRAWN_LINES_MAX);
  if (drawn.length === 0) return [];
  const values = [...new Set(drawn.flatMap(({ points }) => points.map(([at]) => at)))].sort(
    (a, b) => a - b,
  );
  return [
    {
      title,
      x: { ...x, values },
      y,
      spans: true,
      lines: drawn.map(({ label, points }) => {
        const byPlace = new Map(points);
        return { label, values: values.map((at) => byPlace.get(at) ?? null) };
      }),
    },
  ];
};

/** The points of a line: one figure of each record over another. */
const lineOf = (
  label: string,
  records: readonly RunRecord[],
  xOf: (record: RunRecord) => number | undefined,
  yOf: (record: RunRecord) => number | undefined,
): Line => ({
  label,
  points: records.flatMap((record) => {
    const x = xOf(record);
    return x === undefined ? [] : [[x, yOf(record)] as const];
  }),
});

const stepsOf = (run: RunFile): DistributionStep[] =>
  recordsOf(run, 'latency').flatMap((record) => {
    const [ns, share] = [numberOf(record, 'ns'), numberOf(record, 'share')];
    return ns === undefined || share === undefined ? [] : [{ ns, share }];
  });

/** An adapter's number, as the name of a figure. */
const APID = /^\d{1,3}$/;

/** Utilisation by adapter, as samples and points have it. */
const utilisationOf = (record: RunRecord): [number, number][] => {
  const { utilisation } = record;
  if (typeof utilisation !== 'object' || utilisation === null) return [];
  return Object.entries(utilisation).flatMap(([apid, share]): [number, number][] =>
    typeof share === 'number' && APID.test(apid) ? [[Number(apid), share]] : [],
  );
};

const RATE = { label: 'messages a second', kind: 'rate' } as const;
const LATENCY = { label: 'latency', kind: 'latency', log: true } as const;
const SHARE = { label: 'busy engines', kind: 'share' } as const;

/** Reads a latency for a logarithmic axis, on which 0 cannot be shown and means that there is none. */
const latencyOf =
  (name: string) =>
  (record: RunRecord): number | undefined =>
    numberOf(record, name) || undefined;

const runCharts = (both: readonly Named[]): Chart[] => {
  const time = { label: 'time', kind: 'seconds' } as const;
  const over = (record: RunRecord): number => (numberOf(record, 'timeNs') ?? 0) / NS_PER_SECOND;
  const samples = both.map(({ name, run }) => ({ name, records: recordsOf(run, 'sample') }));
  const lines = (label: string, of: (record: RunRecord) => number | undefined): Line[] =>
    samples.map(({ name, records }) => lineOf(`${name} ${label}`, records, over, of));
  const shares = new Map(
    samples.flatMap(({ records }) =>
      records.map((record) => [record, new Map(utilisationOf(record))] as const),
    ),
  );
  const apids = new Set([...shares.values()].flatMap((one) => [...one.keys()]));
  const busy = [...apids].flatMap((apid) =>
    lines(`adapter ${apidText(apid)}`, (record) => shares.get(record)?.get(apid)),
  );
  return [
    latencyChart(both.map(({ name, run }) => ({ label: name, steps: stepsOf(run) }))),
    ...chartOf('Throughput', time, RATE, [
      ...lines('answered', (record) => numberOf(record, 'achieved')),
      ...lines('offered', (record) => numberOf(record, 'offered')),
    ]),
    ...chartOf('Latency over time: p99', time, LATENCY, lines('p99', latencyOf('p99Ns'))),
    ...chartOf('Utilisation of the adapters', time, SHARE, busy),
  ];
};

const sweepCharts = (both: readonly Named[]): Chart[] => {
  const what = both.map(({ run }) => resourceIn(run)).find((one) => one !== undefined);
  const hasKnees = both.some(({ run }) => recordsOf(run, 'knee').length > 0);
  const byAmount = what !== undefined && !hasKnees;
  const x = byAmount
    ? ({ label: RESOURCES[what].axis, kind: 'whole' } as const)
    : ({ label: 'offered, messages a second', kind: 'rate' } as const);
  const over = (record: RunRecord): number | undefined =>
    numberOf(record, byAmount ? what : 'offered');
  // One line for each file; in a sweep over two things, one for each amount too.
  const series = both.flatMap(({ name, run }) => {
    const points = recordsOf(run, 'point');
    if (byAmount || what === undefined) return [{ name, points }];
    const counts = new Set(points.map((point) => numberOf(point, what)));
    return [...counts].map((count) => ({
      name: count === undefined ? name : `${name} ${what} ${count}`,
      points: points.filter((point) => numberOf(point, what) === count),
    }));
  });
  const lines = (label: string, of: (record: RunRecord) => number | undefined): Line[] =>
    series.map(({ name, points }) => lineOf(`${name} ${label}`, points, over, of));
  const busiest = (record: RunRecord): number | undefined => {
    const shares = utilisationOf(record).map(([, share]) => share);
    return shares.length === 0 ? undefined : Math.max(...shares);
  };
  return [
    ...chartOf(
      'Throughput',
      x,
      RATE,
      lines('answered', (record) => numberOf(record, 'achieved')),
    ),
    ...chartOf('Latency: p50 and p99', x, LATENCY, [
      ...lines('p50', latencyOf('p50Ns')),
      ...lines('p99', latencyOf('p99Ns')),
    ]),
    ...chartOf('Utilisation of the busiest adapter', x, SHARE, lines('busy', busiest)),
  ];
};

/** The charts of two runs, or two sweeps. */
export const compareCharts = (a: RunFile, b: RunFile): Chart[] => {
  const both = [
    { name: 'A', run: a },
    { name: 'B', run: b },
  ];
  return a.kind === 'run' ? runCharts(both) : sweepCharts(both);
};
