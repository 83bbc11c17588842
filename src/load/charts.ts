// SPDX-License-Identifier: Apache-2.0
// The charts on the page of a run or a sweep, as plain data.

import { NS_PER_SECOND } from '../units.ts';
import { apidText } from './format.ts';
import type { DistributionStep } from './percentiles.ts';
import { PERCENTILES } from './percentiles.ts';
import type { RunResult } from './result.ts';
import type { SweepPoint, SweepResult } from './sweep.ts';
import { amountText, RESOURCES } from './sweep-plan.ts';
import { busiest } from './sweep-text.ts';

/** How the numbers of an axis are written. */
export type AxisKind = 'seconds' | 'latency' | 'rate' | 'share' | 'nines' | 'whole';

export interface Chart {
  readonly title: string;
  readonly x: {
    readonly label: string;
    readonly kind: AxisKind;
    readonly values: readonly number[];
    /** Values at which the axis has its marks; undefined: wherever they fit. */
    readonly marks?: readonly number[];
  };
  /** Whether a line goes in steps: each value holds from the point before. */
  readonly steps?: boolean;
  /** Whether lines have points of their own: a line then goes on at places where only another line has a point. */
  readonly spans?: boolean;
  readonly y: { readonly label: string; readonly kind: AxisKind; readonly log?: boolean };
  readonly lines: readonly {
    readonly label: string;
    readonly values: readonly (number | null)[];
  }[];
}

/** Places that are nearer to each other than this count as one. */
const SAME_PLACE = 1e-9;

/** Percentiles that are marked, if there are enough messages to tell them. */
const MARKED_SHARES = [0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999];

/** Place of a share of the messages on the axis of percentiles: 0.9 is at 1, 0.99 at 2, 0.999 at 3. */
const placeOf = (share: number): number => -Math.log10(1 - share);

/**
 * The places of all steps of a distribution. The share of all messages, which would be at infinity, is put a little behind the last share
 * below it.
 */
const nines = (steps: readonly DistributionStep[]): number[] => {
  const values: number[] = [];
  for (const { share } of steps)
    values.push(share < 1 ? placeOf(share) : (values.at(-1) ?? 0) + 0.2);
  return values;
};

/** The chart of latencies, with one line for each distribution over the places of all of them. */
export const latencyChart = (
  distributions: readonly { readonly label: string; readonly steps: readonly DistributionStep[] }[],
): Chart => {
  const all = distributions.map(({ label, steps }) => ({ label, steps, places: nines(steps) }));
  const values = [...new Set(all.flatMap(({ places }) => places))].sort((a, b) => a - b);
  const first = values.length === 0 ? [] : [0];
  return {
    title: 'Latency by percentile',
    x: {
      label: 'percent of messages',
      kind: 'nines',
      values: [...first, ...values],
      marks: MARKED_SHARES.map(placeOf).filter((place) => place <= (values.at(-1) ?? 0)),
    },
    steps: true,
    y: { label: 'latency', kind: 'latency', log: true },
    lines: all.map(({ label, steps, places }) => ({
      label,
      // A step holds up to its place. The first one begins at the fastest message.
      values: [...first, ...values].map((place) => {
        const step = steps[places.findIndex((own) => own >= place - SAME_PLACE)];
        return step === undefined ? null : Math.max(1, step.ns);
      }),
    })),
  };
};

/** The charts of a run: latency, throughput, latency over time, utilisation. */
export const runCharts = ({ series, latency, total }: RunResult): Chart[] => {
  const values = series.map(({ timeNs }) => timeNs / NS_PER_SECOND);
  const x = { label: 'time', kind: 'seconds', values } as const;
  const open = series.some(({ offered }) => offered !== undefined);
  const timed = total.adapters.filter(({ utilisation }) => utilisation !== undefined);
  const offered = { label: 'offered', values: series.map((point) => point.offered ?? null) };
  return [
    latencyChart([{ label: 'latency', steps: latency }]),
    {
      title: 'Throughput',
      x,
      y: { label: 'messages a second', kind: 'rate' },
      lines: [
        { label: 'answered', values: series.map(({ achieved }) => achieved) },
        ...(open ? [offered] : []),
      ],
    },
    {
      title: 'Latency over time',
      x,
      y: { label: 'latency', kind: 'latency', log: true },
      lines: [
        { label: 'p50', values: series.map(({ p50Ns }) => p50Ns || null) },
        { label: 'p99', values: series.map(({ p99Ns }) => p99Ns || null) },
      ],
    },
    {
      title: 'Utilisation of the adapters',
      x,
      y: { label: 'busy engines', kind: 'share' },
      lines: timed.map(({ apid }) => ({
        label: `adapter ${apidText(apid)}`,
        values: series.map(
          ({ adapters }) => adapters.find((one) => one.apid === apid)?.utilisation ?? null,
        ),
      })),
    },
  ].filter(({ lines }) => lines.length > 0) as Chart[];
};

const percentile = (point: SweepPoint, percent: (typeof PERCENTILES)[number]): number | null => {
  const ns = point.figures.latencyNs[PERCENTILES.indexOf(percent)];
  return ns === undefined ? null : Math.max(1, ns);
};

/** The charts for one amount of the resource that the sweep is over. */
const pointCharts = (points: readonly SweepPoint[], x: Chart['x'], suffix: string): Chart[] => [
  {
    title: `Throughput${suffix}`,
    x,
    y: { label: 'messages a second', kind: 'rate' },
    lines: [
      { label: 'answered', values: points.map(({ figures }) => figures.achieved) },
      { label: 'offered', values: points.map(({ figures }) => figures.offered ?? null) },
    ],
  },
  {
    title: `Latency${suffix}`,
    x,
    y: { label: 'latency', kind: 'latency', log: true },
    lines: ([50, 99, 99.9] as const).map((percent) => ({
      label: `p${percent}`,
      values: points.map((point) => percentile(point, percent)),
    })),
  },
  {
    title: `Utilisation and full queues${suffix}`,
    x,
    y: { label: 'share', kind: 'share' },
    lines: [
      { label: 'busiest adapter', values: points.map((point) => busiest(point) ?? null) },
      { label: 'queue full', values: points.map(({ figures }) => figures.queueFull ?? null) },
    ],
  },
];

/** The charts of a sweep: over the offered load for each amount of a resource, or over the amounts. */
export const sweepCharts = ({ points, knees }: SweepResult): Chart[] => {
  if (knees.length === 0) {
    const values = points.map(({ amount }) => amount?.count ?? 0);
    const label = RESOURCES[points[0]?.amount?.what ?? 'queues'].axis;
    return pointCharts(points, { label, kind: 'whole', values, marks: values }, '');
  }
  return knees.flatMap(({ amount }) => {
    const own = points.filter((point) => point.amount?.count === amount?.count);
    const values = own.map(({ figures }) => figures.offered ?? 0);
    const suffix = amount === undefined ? '' : `: ${amountText(amount)}`;
    return pointCharts(own, { label: 'offered, messages a second', kind: 'rate', values }, suffix);
  });
};
