// SPDX-License-Identifier: Apache-2.0
// Storage of a kernel that grows with each repetition of a scenario.
import { describe, expect, it } from 'vitest';
import { grownCaches } from '../../src/kernel-fuzz/slabs.ts';

const counts = (...numbers: readonly number[]): ReadonlyMap<string, number>[] =>
  numbers.map((number) => new Map([['kmalloc-64', number]]));

describe('storage', () => {
  it.each([
    ['grows by an object each time', [100, 104, 108], { 'kmalloc-64': 1 }],
    ['grows by two and a bit', [100, 109, 118], { 'kmalloc-64': 2 }],
    ['grows at first only', [100, 110, 110], {}],
    ['grows by less than an object each time', [100, 103, 106], {}],
    ['shrinks', [100, 90, 80], {}],
    ['was counted once', [100], {}],
  ])('that %s', (_what, numbers, grown) => {
    expect(grownCaches(counts(...numbers), 4)).toEqual(grown);
  });
});
