// SPDX-License-Identifier: Apache-2.0
// The page of what kernels did with response codes, from observations a test makes up.

import { describe, expect, it } from 'vitest';
import type { Observation } from '../../src/qemu/response-codes/probe.ts';
import { formatResponseCodes } from '../../src/qemu/response-codes/report.ts';

const GOOD: Observation = {
  met: 'during',
  right: 597,
  errors: new Map([
    [19, 2],
    [999, 1],
  ]),
  waiting: 0,
  state: 'online',
  recoveryMs: 210,
  byReset: false,
  log: ['one | two', 'three'],
};

function rowsOf(observed: Observation | undefined, console = ''): string {
  const cases = [{ on: 'zapq', rc: 0x0a, observed, console } as const];
  return formatResponseCodes([{ kernel: '6.99', cases }]);
}

describe('the page of response codes', () => {
  it.each([
    [
      'requests by errno and the log',
      {},
      '| zapq | 0A | during | 597 | 2 ENODEV, 1 999 | online | 0.2 s | one \\| two; three |',
    ],
    [
      'requests that wait, and a queue that was reset by hand',
      { errors: new Map(), waiting: 2, right: 0, byReset: true, log: [] },
      '| zapq | 0A | during | 0 | 2 wait | online | after a reset |  |',
    ],
    [
      'a queue that never works again',
      { met: 'later', state: 'gone', byReset: true, recoveryMs: -1, errors: new Map(), log: [] },
      '| zapq | 0A | later | 597 |  | gone | no |  |',
    ],
  ] as const)('shows %s', (_what, change, row) => {
    const page = rowsOf({ ...GOOD, ...change });
    expect(page).toContain(row);
    expect(page).toContain('## 6.99\n\nSurvived 1 of 1 cases.');
  });

  it('shows the console of a kernel that died', () => {
    const page = rowsOf(undefined, 'Kernel panic');
    expect(page).toContain('Survived 0 of 1 cases.');
    expect(page).toMatch(
      /\*\*guest died\*\*[\s\S]*### Console of zapq a\n\n```\nKernel panic\n```/,
    );
  });
});
