// SPDX-License-Identifier: Apache-2.0
// How instructions ended that did not end with 00: counted by kind, the newest first, bounded.

import { describe, expect, it } from 'vitest';
import type { TraceRecord } from '../../src/trace/record.ts';
import { Refusals } from '../../src/trace/refusals.ts';

const record = (fields: Partial<TraceRecord>): TraceRecord => ({
  timeNs: 0,
  guest: 'Guest1',
  vcpu: 0,
  instruction: 'NQAP',
  apqn: '05.0004',
  gr0: 0,
  gr1: 0,
  cc: 3,
  rc: 0x10,
  program: undefined,
  psmid: undefined,
  ...fields,
});

describe('refusals', () => {
  it('are counted by guest, instruction, queue and ending', () => {
    const refusals = new Refusals();
    refusals.take([
      record({ timeNs: 1 }),
      record({ timeNs: 2, rc: 0 }),
      record({ timeNs: 3, instruction: 'QCI', apqn: undefined, rc: undefined }),
      record({ timeNs: 4, guest: 'Guest2' }),
    ]);
    refusals.take([record({ timeNs: 5 }), record({ timeNs: 6, rc: undefined, program: 6 })]);
    expect(
      refusals
        .last(10)
        .map(({ guest, rc, program, count, lastNs }) => [guest, rc, program, count, lastNs]),
    ).toEqual([
      ['Guest1', undefined, 6, 1, 6],
      ['Guest1', 0x10, undefined, 2, 5],
      ['Guest2', 0x10, undefined, 1, 4],
    ]);
    expect(refusals.last(1)).toHaveLength(1);
  });

  it('are bounded: the kind that was not met for longest is forgotten', () => {
    const refusals = new Refusals();
    const guests = Array.from({ length: 1000 }, (_, n) => record({ guest: `G${n}` }));
    refusals.take([...guests, record({ guest: 'G0' }), record({ guest: 'more' })]);
    const kept = refusals.last(5000).map(({ guest }) => guest);
    expect(kept).toHaveLength(1000);
    expect(kept.slice(0, 2)).toEqual(['more', 'G0']);
    expect(kept).not.toContain('G1');
  });
});
