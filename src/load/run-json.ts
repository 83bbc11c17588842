// SPDX-License-Identifier: Apache-2.0
// The result of a run as JSON lines: one record in each line, flat enough to plot. Times are in nanoseconds, rates are per second.

import type { LszcryptRow } from '../s390-tools/lszcrypt-rows.ts';
import { type LoadFigures, modelLimit } from './figures.ts';
import { PERCENTILES } from './percentiles.ts';
import type { RunResult } from './result.ts';
import type { Verdict } from './verdict.ts';

/** Names of the columns for percentiles: `p50Ns` to `p99.9Ns`. */
const percentileColumns = (
  latencyNs: LoadFigures['latencyNs'],
): Record<string, number | undefined> =>
  Object.fromEntries(PERCENTILES.map((p, i) => [`p${p}Ns`, latencyNs[i]]));

/** The figures without those of adapters. Percentiles are named. */
export const figureColumns = (figures: LoadFigures): Record<string, unknown> => {
  const { latencyNs, adapters: _adapters, ...rest } = figures;
  return { ...rest, ...percentileColumns(latencyNs) };
};

/** A row of lszcrypt in which counts are numbers, if the row has any. */
const numbersOf = (row: LszcryptRow): Record<string, string | number> =>
  Object.fromEntries(
    Object.entries(row).map(([key, text]) => [
      key,
      COUNTS.has(key) && text !== '-' ? Number(text) : text,
    ]),
  );

const COUNTS: ReadonlySet<string> = new Set(['requests', 'pending', 'hwtype', 'qdepth']);

const lines = (records: readonly object[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join('');

/** All records of a run, in the order sample, guest, adapter, latency, crash, hot-plug, problem, threshold, run. */
export const runJson = (result: RunResult, verdict: Verdict): string => {
  const { guests, total, latency, series, crashes, hotPlug, ...run } = result;
  return lines([
    ...series.map(({ adapters, ...point }) => ({
      record: 'sample',
      ...point,
      utilisation: Object.fromEntries(adapters.map((a) => [a.apid, a.utilisation])),
    })),
    ...guests.map(({ load, lszcrypt, ...guest }) => ({
      record: 'guest',
      ...guest,
      lszcrypt: lszcrypt?.rows.map(numbersOf),
      ...(load === undefined ? {} : { load: figureColumns(load) }),
    })),
    ...total.adapters.map((adapter) => ({ record: 'adapter', ...adapter })),
    ...latency.map((step) => ({ record: 'latency', ...step })),
    ...crashes.map((crash) => ({ record: 'crash', ...crash })),
    ...(hotPlug === undefined ? [] : [{ record: 'hot-plug', ...hotPlug }]),
    ...verdict.problems.map((problem) => ({ record: 'problem', problem })),
    ...verdict.thresholds.map((threshold) => ({ record: 'threshold', ...threshold })),
    {
      record: 'run',
      failed: verdict.failed,
      ...run,
      ...figureColumns(total),
      limitPerSecond: modelLimit(total),
    },
  ]);
};
