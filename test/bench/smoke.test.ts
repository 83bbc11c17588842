// SPDX-License-Identifier: Apache-2.0
// Every question runs, in the build, in processes of its own, and gives its rows. Not how fast.
import { describe, expect, it } from 'vitest';
import { QUESTIONS } from '../../bench/questions.ts';
import { ROWS } from '../../bench/rows.ts';
import type { runBenchmarks } from '../../bench/run.ts';

const built = new URL('../../dist/bench/run.js', import.meta.url).href;
const { runBenchmarks: run } = (await import(/* @vite-ignore */ built)) as {
  runBenchmarks: typeof runBenchmarks;
};

const answered = new Set<string>();

describe('apemu bench --smoke', () => {
  it.each(QUESTIONS.map(({ name }) => name))('asks %s', async (name) => {
    const report = await run({ smoke: true, processes: 1, only: [name] });
    expect(report.rows.length).toBeGreaterThan(0);
    for (const row of report.rows) {
      expect(row.value, row.row).toBeGreaterThanOrEqual(0);
      answered.add(row.row);
    }
  });

  it('has an answer for every row', () => {
    expect([...answered].sort()).toEqual(ROWS.map(({ id }) => id).sort());
  });

  it('takes the frozen kernel where there is no compiler, and says so', async () => {
    const only = ['tapq'];
    const report = await run({ smoke: true, processes: 1, only, compiler: 'no-such-compiler' });
    expect(report.reference).toBe('frozen');
    expect(report.referenceDescription).toContain('no C compiler: no-such-compiler does not run');
  });
});
