// SPDX-License-Identifier: Apache-2.0
// A finished run as plain data (the JSON output) and as a table.
import type { Finding } from './findings.ts';
import { median, quantile } from './measure/statistics.ts';
import type { BuiltReference } from './reference/reference.ts';
import { holds, isClose, ROWS, type Row } from './rows.ts';

/** One row of a report. */
export interface ReportRow {
  readonly row: string;
  readonly operation: string;
  readonly unit: string;
  /** Median over processes. */
  readonly value: number;
  readonly base?: string;
  readonly ratio?: number;
  /** Of the ratio, else of the value: first quartile over processes of their first quartiles, third of their third ones. */
  readonly spread: readonly [number, number];
  readonly target?: string;
  readonly holds?: boolean;
  /** The target lies inside the spread: another run may say otherwise. */
  readonly close?: true;
  readonly detail?: Readonly<Record<string, number>>;
  /** Why it was not measured; the value says nothing. */
  readonly reason?: string;
}

export interface Report {
  readonly format: 'apemu-bench 1';
  readonly machine: MachineDescription;
  readonly reference: BuiltReference['kind'];
  readonly referenceDescription: string;
  readonly processes: number;
  readonly rounds: number;
  readonly smoke: boolean;
  readonly rows: readonly ReportRow[];
}

export interface MachineDescription {
  readonly processor: string;
  readonly cores: number;
  readonly node: string;
  readonly v8: string;
  readonly platform: string;
}

/** Detail numbers of several processes: medians, but sums of what must not happen at all. */
const SUMMED = ['stale', 'collections'];

const mergeDetails = (findings: readonly Finding[]): Record<string, number> => {
  const names = new Set(findings.flatMap((one) => Object.keys(one.detail ?? {})));
  const merge = (name: string): number => {
    const values = findings.map((one) => one.detail?.[name] ?? 0);
    return SUMMED.includes(name) ? values.reduce((a, b) => a + b, 0) : median(values);
  };
  return Object.fromEntries([...names].map((name) => [name, merge(name)]));
};

/** One finding from those of several processes: medians of medians. */
const merge = (findings: readonly Finding[]): Finding => {
  const without = findings.find(({ reason }) => reason !== undefined);
  if (without !== undefined) return without;
  const ratios = findings.flatMap(({ ratio }) => (ratio === undefined ? [] : [ratio]));
  return {
    row: findings[0].row,
    value: median(findings.map(({ value }) => value)),
    ...(ratios.length === 0 ? {} : { ratio: median(ratios) }),
    spread: [
      quantile(
        findings.map(({ spread }) => spread[0]),
        0.25,
      ),
      quantile(
        findings.map(({ spread }) => spread[1]),
        0.75,
      ),
    ],
    detail: mergeDetails(findings),
  };
};

const reportRow = (row: Row, finding: Finding, judges: boolean): ReportRow => {
  const { reason } = finding;
  const judged = judges && reason === undefined;
  const verdict = judged ? holds(row, finding) : undefined;
  return {
    row: row.id,
    operation: row.operation,
    unit: row.unit,
    value: finding.value,
    ...(row.base === undefined ? {} : { base: row.base }),
    ...(finding.ratio === undefined ? {} : { ratio: finding.ratio }),
    spread: finding.spread,
    ...(row.target === undefined ? {} : { target: row.target }),
    ...(verdict === undefined ? {} : { holds: verdict }),
    ...(judged && isClose(row, finding) ? { close: true } : {}),
    ...(reason === undefined ? {} : { reason }),
    ...(Object.keys(finding.detail ?? {}).length === 0 ? {} : { detail: finding.detail ?? {} }),
  };
};

/**
 * The report's rows, in the table's order.
 *
 * @param judges whether targets are judged: a smoke run says nothing about them
 * @throws Error for findings that belong to no row
 */
export const reportRows = (findings: readonly Finding[], judges = true): ReportRow[] => {
  const unknown = findings.find(({ row }) => !ROWS.some(({ id }) => id === row));
  if (unknown !== undefined) throw new Error(`there is no row ${unknown.row}`);
  return ROWS.flatMap((row) => {
    const own = findings.filter((finding) => finding.row === row.id);
    return own.length === 0 ? [] : [reportRow(row, merge(own), judges)];
  });
};

/** Three significant digits, without exponents. */
export const figure = (value: number): string => {
  if (!Number.isFinite(value)) return '-';
  const digits =
    Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 4;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
};

const HEADINGS = ['operation', 'value', 'ratio', 'spread', 'target', 'holds'];

const cells = (row: ReportRow): string[] => [
  row.operation,
  row.reason === undefined ? `${figure(row.value)} ${row.unit}` : '-',
  row.ratio === undefined ? '' : figure(row.ratio),
  row.reason === undefined ? `${figure(row.spread[0])}..${figure(row.spread[1])}` : '',
  row.target ?? '',
  row.holds === undefined ? '' : `${row.holds ? 'yes' : 'NO'}${row.close ? ' ~' : ''}`,
];

/** Columns the whole table needs. */
export const WIDE_COLUMNS = 135;
/** What there is room for on a narrow terminal: operation, value, ratio, holds. */
const NARROW = [0, 1, 2, 5];

/** The table's cells, headings first; on a narrow terminal without spreads and targets. */
export const reportCells = (rows: readonly ReportRow[], columns = WIDE_COLUMNS): string[][] => {
  const all = [HEADINGS, ...rows.map(cells)];
  if (columns >= WIDE_COLUMNS) return all;
  return all.map((line) => NARROW.map((column) => line[column]));
};

/** A line for each row that was not measured, with the reason. */
export const reasons = (rows: readonly ReportRow[]): string =>
  rows
    .filter(({ reason }) => reason !== undefined)
    .map(({ operation, reason }) => `not measured: ${operation}: ${reason}\n`)
    .join('');

/** How many targets hold, as a sentence. */
export const verdict = (rows: readonly ReportRow[]): string => {
  const judged = rows.filter(({ holds }) => holds !== undefined);
  const missed = judged.filter(({ holds }) => !holds).map(({ operation }) => operation);
  const held = `${judged.length - missed.length} of ${judged.length} targets hold`;
  return missed.length === 0 ? held : `${held}; not: ${missed.join('; ')}`;
};
