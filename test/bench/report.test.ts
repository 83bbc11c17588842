// SPDX-License-Identifier: Apache-2.0
// Medians, reports and their comparison.
import { describe, expect, it } from 'vitest';
import {
  agreements,
  compareReports,
  formatAgreements,
  formatComparison,
} from '../../bench/compare.ts';
import type { Finding } from '../../bench/findings.ts';
import { measureRounds, ratios, SMOKE_PACE } from '../../bench/measure/rounds.ts';
import { median, quantile, quartiles } from '../../bench/measure/statistics.ts';
import { QUESTIONS } from '../../bench/questions.ts';
import { figure, type Report, reportCells, reportRows, verdict } from '../../bench/report.ts';
import { ROWS } from '../../bench/rows.ts';

const finding = (row: string, ratio: number, value = 10): Finding => ({
  row,
  value,
  ratio,
  spread: [ratio - 0.01, ratio + 0.01],
});

const report = (findings: readonly Finding[]): Report => ({
  format: 'apemu-bench 1',
  machine: { processor: 'x', cores: 2, node: 'v20', v8: '11', platform: 'linux-x64' },
  reference: 'c',
  referenceDescription: 'cc',
  processes: 1,
  rounds: 1,
  smoke: false,
  rows: reportRows(findings),
});

describe('statistics', () => {
  it('interpolates quantiles of unsorted values', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(quartiles([1, 2, 3, 4, 5])).toEqual([2, 4]);
    expect(quantile([], 0.5)).toBeNaN();
  });
});

describe('rounds', () => {
  it('gives each variant one value a round, and pairs them', () => {
    const spin = (count: number) => () => {
      let sum = 0;
      for (let n = 0; n < count; n++) sum += n % 7;
      return sum;
    };
    const times = measureRounds(
      [
        { name: 'a', operations: 1000, run: spin(1000) },
        { name: 'b', operations: 1000, run: spin(1000) },
      ],
      SMOKE_PACE,
    );
    expect(times.get('a')).toHaveLength(SMOKE_PACE.rounds);
    expect(ratios(times, 'a', 'b').every((ratio) => ratio > 0)).toBe(true);
  });

  it('passes on what a variant throws', () => {
    const run = (): never => {
      throw new Error('broken');
    };
    expect(() => measureRounds([{ name: 'a', operations: 1, run }], SMOKE_PACE)).toThrow('broken');
  });
});

describe('a report', () => {
  it('takes the median over processes and judges it by the row', () => {
    const rows = reportRows([1.2, 1.31, 1.25].map((ratio) => finding('tapq-loop-1', ratio)));
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ ratio: 1.25, holds: true, target: '<= 1.3 of C' });
    expect(reportRows([finding('tapq-loop-1', 1.31)])[0]?.holds).toBe(false);
  });

  it('marks a verdict that another run may not share: the target lies inside the spread', () => {
    const [clear, close] = [1.2, 1.295].map((ratio) => reportRows([finding('tapq-loop-1', ratio)]));
    expect([clear?.[0]?.close, close?.[0]?.close]).toEqual([undefined, true]);
    expect(reportCells(close)[1]?.at(-1)).toBe('yes ~');
  });

  it('has a spread over processes: of their first and third quartiles', () => {
    const rows = reportRows([1.1, 1.2, 1.4].map((ratio) => finding('tapq-loop-1', ratio)));
    const ends = rows[0]?.spread.map((end) => end.toFixed(3));
    expect(ends).toEqual(['1.140', '1.310']);
  });

  it('gives no verdict where there is no target', () => {
    const [row] = reportRows([finding('tapq-call-1', 3)]);
    expect(row?.holds).toBeUndefined();
    expect(reportCells([row])[1]?.at(-1)).toBe('');
  });

  it('adds up stale results of all processes', () => {
    const stale = (count: number): Finding => ({
      row: 'masks-spare',
      value: 1,
      spread: [1, 1],
      detail: { stale: count },
    });
    expect(reportRows([stale(0), stale(1), stale(0)])[0]).toMatchObject({
      holds: false,
      detail: { stale: 1 },
    });
  });

  it('asks for 1.9 of two workers only when C shows two cores', () => {
    const scaling = (value: number, referenceScaling: number): boolean | undefined =>
      reportRows([
        {
          row: 'scaling-disjoint',
          value,
          ratio: value / referenceScaling,
          spread: [1, 1],
          detail: { referenceScaling },
        },
      ])[0]?.holds;
    expect(scaling(1.85, 1.94)).toBe(true);
    expect(scaling(1.89, 1.95)).toBe(false);
    expect(scaling(1.9, 1.95)).toBe(true);
    expect(scaling(1.8, 1.94)).toBe(false);
  });

  it('fits a narrow terminal without spreads and targets, and ends with a sentence', () => {
    const rows = reportRows([finding('tapq-loop-1', 1.2), finding('mixed-64', 2.5)]);
    for (const line of reportCells(rows, 80)) expect(line).toHaveLength(4);
    expect(reportCells(rows)[0]).toHaveLength(6);
    expect(verdict(rows)).toBe('1 of 2 targets hold; not: mixed stream, 64 B');
    expect(verdict(rows.slice(0, 1))).toBe('1 of 1 targets hold');
  });

  it('refuses findings of unknown rows', () => {
    expect(() => reportRows([finding('nothing', 1)])).toThrow('there is no row nothing');
  });

  it('has rows and questions with names of their own', () => {
    expect(new Set(ROWS.map(({ id }) => id)).size).toBe(ROWS.length);
    expect(new Set(QUESTIONS.map(({ name }) => name)).size).toBe(QUESTIONS.length);
  });

  it.each([
    [123456.7, '123,457'],
    [12.345, '12.3'],
    [1.234, '1.23'],
    [0.01234, '0.0123'],
    [Number.NaN, '-'],
  ])('prints %d as %s', (value, text) => expect(figure(value)).toBe(text));
});

describe('runs of the same thing', () => {
  const run = (ratio: number, width = 0.01): Report =>
    report([
      { row: 'tapq-loop-1', value: 1, ratio, spread: [ratio - width, ratio + width] },
      finding('tapq-call-1', 1),
    ]);
  it.each([
    ['all clearly hold', [1.2, 1.21, 1.22], 0.01, true, 'yes yes yes'],
    ['one does not, and its spread has the target', [1.28, 1.28, 1.305], 0.01, true, 'yes yes NO~'],
    ['one clearly does not', [1.2, 1.2, 1.35], 0.01, false, 'yes yes NO'],
    ['spreads wide enough for both', [1.2, 1.35, 1.25], 0.2, true, 'yes~ NO~ yes~'],
  ])('on one target: %s', (_what, ratios, width, agree, verdicts) => {
    const rows = agreements(ratios.map((ratio) => run(ratio, width)));
    expect(rows.map((one) => [one.row, one.agree, one.verdicts.join(' ')])).toEqual([
      ['tapq-loop-1', agree, verdicts],
    ]);
    expect(formatAgreements(rows)).toContain(`agree on ${agree ? 1 : 0} of 1 targets`);
  });
});

describe('a comparison', () => {
  it('calls a row changed when the spreads do not touch', () => {
    const before = report([finding('tapq-loop-1', 1.2), finding('mixed-64', 2.0)]);
    const after = report([finding('tapq-loop-1', 1.4), finding('mixed-64', 2.01)]);
    const rows = compareReports(before, after);
    expect(rows.map(({ row, change }) => [row, change])).toEqual([
      ['tapq-loop-1', 'slower'],
      ['mixed-64', 'same'],
    ]);
    expect(formatComparison(rows)).toContain('1.2 -> 1.4');
    expect(formatComparison(rows)).toContain('no longer holds');
  });

  it('knows where more is better, and rows that came or went', () => {
    const programs = (value: number): Finding => ({
      row: 'programs',
      value,
      spread: [value, value],
    });
    const before = report([programs(2), finding('mixed-64', 2)]);
    const after = report([programs(3), finding('mixed-12K', 1)]);
    const changes = compareReports(before, after).map(({ row, change }) => `${row} ${change}`);
    expect(changes.sort()).toEqual(['mixed-12K new', 'mixed-64 gone', 'programs faster']);
  });
});
