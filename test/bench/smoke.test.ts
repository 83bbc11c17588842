// SPDX-License-Identifier: Apache-2.0
// Questions run, in the build, in processes of their own, and give their rows. Not how fast.
import { describe, expect, it } from 'vitest';
import { ROWS } from '../../bench/rows.ts';
import type { runBenchmarks } from '../../bench/run.ts';

const built = new URL('../../dist/bench/run.js', import.meta.url).href;
const { runBenchmarks: run } = (await import(/* @vite-ignore */ built)) as {
  runBenchmarks: typeof runBenchmarks;
};

/** A question of each kind; `npm run bench -- --smoke`, which `.ci/run` does, asks all of them and wants an answer for every row. */
const ASKED = ['protection', 'trace', 'aqic', 'programs'];

describe('apemu bench --smoke', () => {
  it.each(ASKED)('asks %s', async (name) => {
    const report = await run({ smoke: true, processes: 1, only: [name] });
    const known = new Set(ROWS.map(({ id }) => id));
    expect(report.rows.length).toBeGreaterThan(0);
    for (const row of report.rows) {
      expect(row.value, row.row).toBeGreaterThanOrEqual(0);
      expect(known).toContain(row.row);
    }
  });

  it('takes the frozen kernel where there is no compiler, and says so', async () => {
    const only = ['programs'];
    const report = await run({ smoke: true, processes: 1, only, compiler: 'no-such-compiler' });
    expect(report.reference).toBe('frozen');
    expect(report.referenceDescription).toContain('no C compiler: no-such-compiler does not run');
  });
});
