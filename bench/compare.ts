// SPDX-License-Identifier: Apache-2.0
// Compares JSON files of `apemu bench --json`. Two: what changed, node dist/bench/compare.js BEFORE AFTER. More: whether these runs of the same
// thing agree on which targets hold.
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
    report.rows.find(({ row, reason }) => row === id && reason === undefined);
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

/** A target as several runs judge it. */
export interface Agreement {
  readonly row: string;
  readonly operation: string;
  readonly target: string;
  /** Of each run. */
  readonly figures: readonly number[];
  readonly verdicts: readonly string[];
  /** No run says clearly that it holds while another says clearly that it does not. */
  readonly agree: boolean;
}

const agreement = (rows: readonly ReportRow[]): Agreement => {
  const [{ row, operation, target = '' }] = rows as [ReportRow];
  const clear = new Set(rows.filter(({ close }) => close !== true).map(({ holds }) => holds));
  return {
    row,
    operation,
    target,
    figures: rows.map(compared),
    verdicts: rows.map(({ holds, close }) => `${holds ? 'yes' : 'NO'}${close ? '~' : ''}`),
    agree: clear.size <= 1,
  };
};

/** Every target of the first run that all runs have judged. */
export const agreements = (reports: readonly Report[]): Agreement[] =>
  (reports[0]?.rows ?? []).flatMap(({ row }) => {
    const all = reports.map((report) => report.rows.find((one) => one.row === row));
    const judged = all.filter((one) => one?.holds !== undefined);
    return judged.length < reports.length ? [] : [agreement(judged as ReportRow[])];
  });

/** Lines for people. */
export const formatAgreements = (rows: readonly Agreement[]): string => {
  const lines = rows.map((one) => {
    const runs = one.figures.map((value, n) => `${figure(value)} ${one.verdicts[n]}`.padEnd(12));
    const end = `${one.target.padEnd(28)} ${one.agree ? '' : 'DISAGREE'}`.trimEnd();
    return `${one.operation.padEnd(52)} ${runs.join(' ')} ${end}\n`;
  });
  const count = rows.filter(({ agree }) => agree).length;
  return `${lines.join('')}the runs agree on ${count} of ${rows.length} targets (~: the target lies inside the spread)\n`;
};

const readReport = (file: string): Report => {
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  if (report.format !== 'apemu-bench 1') throw new Error(`${file} is no output of apemu bench`);
  return report;
};

/** The command: exit code 1 when a target that held does not any more, or the runs disagree. */
const main = (files: readonly string[]): number => {
  const [before, after, ...more] = files;
  if (before === undefined || after === undefined) {
    process.stderr.write(
      'usage: node dist/bench/compare.js BEFORE.json AFTER.json\n' +
        '       node dist/bench/compare.js RUN.json RUN.json RUN.json...\n',
    );
    return 2;
  }
  if (more.length > 0) {
    const rows = agreements(files.map(readReport));
    process.stdout.write(formatAgreements(rows));
    return rows.every(({ agree }) => agree) ? 0 : 1;
  }
  const rows = compareReports(readReport(before), readReport(after));
  process.stdout.write(formatComparison(rows));
  return rows.some((row) => row.heldBefore === true && row.holdsAfter === false) ? 1 : 0;
};

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = main(process.argv.slice(2));
