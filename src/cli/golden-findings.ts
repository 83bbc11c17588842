// SPDX-License-Identifier: Apache-2.0
// What `apemu golden --record` and `--compare` print: runs, findings, and the table at the end.
// Source: docs/oracle.md.
import type { Comparison } from '../recorder/compare.ts';
import { complaintText, type RecorderFinding } from '../recorder/finding.ts';
import type { RecorderRun } from '../recorder/run.ts';
import { isChange, type RecordedOperation } from '../sysfs/recorded-operation.ts';
import { short } from './golden-text.ts';
import { count, table } from './text.ts';

/** Operations shown of a finding that could not be made short. */
const SHOWN_OPERATIONS = 20;
/** Describes the run of a recording in one line. */
export function describeRun(run: RecorderRun, operations: readonly RecordedOperation[]): string {
  const changes = operations.slice(0, run.lines.length).filter(isChange).length;
  const looks = run.lines.flat().filter(([verb]) => verb !== 'time').length;
  const what = `kernel ${run.release}: ${count(changes, 'operation')}, ${count(looks, 'observation')}`;
  const driver = run.vfioAp ? '' : ' (it has no vfio_ap driver)';
  if (run.complaint === undefined) return `${what}${driver}\n`;
  return `${what}${driver}, then ${complaintText(run.complaint)}\n`;
}

/** A finding: the fewest operations, and what was expected of the last one. */
export function describeFinding(finding: RecorderFinding, file: string | undefined): string {
  const { complaint, difference, operations, seed, length, runs } = finding;
  const what = complaint === undefined ? 'difference' : complaintText(complaint);
  const from = seed === undefined ? '' : ` of seed ${seed}`;
  const left = operations.length - SHOWN_OPERATIONS;
  const lines = [
    `${what}, after ${count(operations.length, 'operation')} (found after ${length.toLocaleString('en-US')}${from}, ${count(runs, 'run')}):`,
    ...(left > 0 ? [`  (${count(left, 'operation')} before)`] : []),
    ...operations.slice(-SHOWN_OPERATIONS).map((one) => `  ${short(JSON.stringify(one))}`),
  ];
  if (complaint !== undefined) lines.push(`  the kernel says ${short(complaint.line)}`);
  if (difference !== undefined) {
    lines.push(
      `  in ${short(difference.operation)}`,
      `    the kernel ${short(difference.expected)}`,
      `    the model  ${short(difference.actual)}`,
    );
  }
  if (file !== undefined) lines.push(`  recording: ${file}`);
  return `${lines.join('\n')}\n\n`;
}

/** The table at the end: what was performed and looked at, and how much of it differed. */
export function describeComparison({
  release,
  profile,
  switches,
  tally,
  differences,
  kinds,
}: Comparison): string {
  const number = (n: number): string => n.toLocaleString('en-US');
  const rows = (list: readonly (readonly [string, number])[]): string[][] =>
    list.map(([name, n]) => [name, number(n)]);
  const total = (list: readonly (readonly [string, number])[]): number =>
    list.reduce((sum, [, n]) => sum + n, 0);
  const build = Object.entries(switches).map(([name, value]) => `, ${name}: ${value}`);
  const { operations, observations, sequences } = tally;
  const all = [
    ['OPERATIONS', number(total(operations))],
    ...rows(operations),
    ['OBSERVATIONS', number(total(observations))],
    ...rows(observations),
    ['DIFFERENCES', number(differences)],
  ];
  const different = [...kinds].map(([kind, n]) => `${number(n)}x ${short(kind)}\n`);
  return `kernel ${release} and the model of ${profile}${build.join('')}: ${count(sequences, 'sequence')}\n${table(all)}${different.join('')}`;
}
