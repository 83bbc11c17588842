// SPDX-License-Identifier: Apache-2.0
// Compares two JSON files of `apemu bench --json`: node dist/bench/compare.js BEFORE AFTER.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { figure, type Report, type ReportRow } from './report.ts';

/** How a row changed. */
export type Change = 'faster' | 'slower' | 'same' | 'new' | 'gone';

export interface Comparison {
  readonly row: string;
  readonly operation: string;
  /** What is compared: ratios where there are any, else values. */
  readonly before: number | undefined;
  readonly after: number | undefined;
  readonly change: Change;
  readonly heldBefore: boolean | undefined;
  readonly holdsAfter: boolean | undefined;
}

/** Rows where more is better. */
const HIGHER_IS_BETTER = ['scaling-disjoint', 'scaling-one-queue', 'programs'];

const compared = (row: ReportRow): number => row.ratio ?? row.value;

/** A change counts when the two spreads do not touch. */
const changeOf = (before: ReportRow, after: ReportRow): Change => {
  const apart = after.spread[0] > before.spread[1] || after.spread[1] < before.spread[0];
  if (!apart || compared(after) === compared(before)) return 'same';
  const higher = compared(after) > compared(before);
  return higher === HIGHER_IS_BETTER.includes(after.row) ? 'faster' : 'slower';
};

const compareRow = (before: ReportRow | undefined, after: ReportRow | undefined): Comparison => {
  const row = (after ?? before) as ReportRow;
  const change =
    before === undefined ? 'new' : after === undefined ? 'gone' : changeOf(before, after);
  return {
    row: row.row,
    operation: row.operation,
    before: before === undefined ? undefined : compared(before),
    after: after === undefined ? undefined : compared(after),
    change,
    heldBefore: before?.holds,
    holdsAfter: after?.holds,
  };
};

/** Every row of either report. */
export const compareReports = (before: Report, after: Report): Comparison[] => {
  const ids = new Set([...before.rows, ...after.rows].map(({ row }) => row));
  const find = (report: Report, id: string): ReportRow | undefined =>
    report.rows.find(({ row }) => row === id);
  return [...ids].map((id) => compareRow(find(before, id), find(after, id)));
};

/** Lines for people: what changed, and targets won or lost. */
export const formatComparison = (rows: readonly Comparison[]): string => {
  const shown = (value: number | undefined): string => (value === undefined ? '-' : figure(value));
  const lines = rows.map((row) => {
    const verdict =
      row.heldBefore === row.holdsAfter || row.holdsAfter === undefined
        ? ''
        : row.holdsAfter
          ? '  now holds'
          : '  no longer holds';
    const figures = `${shown(row.before)} -> ${shown(row.after)}`;
    return `${row.operation.padEnd(52)} ${figures.padEnd(22)} ${row.change}${verdict}\n`;
  });
  return lines.join('');
};

const readReport = (file: string): Report => {
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  if (report.format !== 'apemu-bench 1') throw new Error(`${file} is no output of apemu bench`);
  return report;
};

/** The command: exit code 1 when a target that held does not any more. */
const main = (files: readonly string[]): number => {
  const [before, after] = files;
  if (before === undefined || after === undefined) {
    process.stderr.write('usage: node dist/bench/compare.js BEFORE.json AFTER.json\n');
    return 2;
  }
  const rows = compareReports(readReport(before), readReport(after));
  process.stdout.write(formatComparison(rows));
  return rows.some((row) => row.heldBefore === true && row.holdsAfter === false) ? 1 : 0;
};

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = main(process.argv.slice(2));
