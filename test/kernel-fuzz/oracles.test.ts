// SPDX-License-Identifier: Apache-2.0
// What is judged of a kernel's run: rules that drivers in this process cannot break.
import { describe, expect, it } from 'vitest';
import { judge, oracleNames } from '../../src/oracle/oracles.ts';
import type { Outcome } from '../../src/target/outcome.ts';

const GOOD: Outcome = {
  requests: [],
  strangers: [],
  instructions: [],
  disturbedNs: undefined,
  thrown: undefined,
  storm: undefined,
  asleep: false,
  unrecovered: [],
  leaked: {},
  fired: [],
  eventsEndNs: 0,
  executed: 0,
  cost: 0,
  ns: 0,
  trace: [],
  places: [],
  features: [],
};
const OPEN = {
  id: 1,
  apqn: 0x0504,
  kind: 'mex',
  atNs: 0,
  probe: false,
  overdue: true,
  endings: [],
};
const SCANS = 'a write of 1 to /sys/bus/ap/scans';

describe("a kernel's run", () => {
  it('that is good breaks no rule', () => {
    expect(judge(GOOD)).toBeUndefined();
  });

  it.each<[string, Partial<Outcome>, string, string]>([
    [
      'a complaint, which comes before all others',
      { complaint: { name: 'Oops', line: 'Oops: 1', place: 'online_store' }, unkillable: [SCANS] },
      'kernel',
      'Oops in online_store',
    ],
    [
      'a process that survives, which comes before a request that never ends',
      { unkillable: ['request 1 (mex to 05.0004)'], requests: [OPEN] },
      'killed',
      'survives in request',
    ],
    [
      'a file that is never done with',
      { hanging: [SCANS] },
      'ends-once',
      'a file is never done with',
    ],
    [
      'a request that never ends, which comes before a file',
      { hanging: [SCANS], requests: [OPEN] },
      'ends-once',
      'never ends',
    ],
    ['a reply that nobody asks for', { neglected: [0x0504] }, 'progress', 'leaves a reply'],
    [
      'a queue that a refused request takes away',
      { offline: [{ apqn: 0x0504, why: 'ENODEV' }] },
      'recovers',
      'a refusal takes a queue away',
    ],
    ['storage that grows', { grown: { 'kmalloc-64': 2 } }, 'leaks', 'storage grows'],
    [
      'a counter that is wrong',
      { miscounted: ['request_count of 05.0004 is 2, the machine has taken 3 messages'] },
      'counters',
      'request_count is wrong',
    ],
  ])('with %s', (_what, wrong, oracle, way) => {
    const outcome = { ...GOOD, ...wrong };
    expect(judge(outcome)).toMatchObject({ oracle, way });
    expect(
      judge(outcome, oracleNames('kernel,progress,killed,ends-once,recovers,leaks,counters')),
    ).toBeUndefined();
  });
});
