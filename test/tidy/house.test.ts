// SPDX-License-Identifier: Apache-2.0
// Figures of scripts/measure.js that may not get worse: exports, cycles of imports, constants defined a second time.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './sources.ts';

interface Figures {
  readonly files: number;
  readonly casts: number;
  readonly assertions: number;
  readonly exports: number;
  readonly dead: readonly string[];
  readonly forNobodyElse: readonly string[];
  readonly cyclesAtRunTime: readonly (readonly string[])[];
  readonly cyclesOfTypes: readonly (readonly string[])[];
  readonly constantsTwice: readonly string[];
}

const figures = JSON.parse(
  execFileSync('node', [join(ROOT, 'scripts/measure.js'), '--json'], { encoding: 'utf8' }),
) as Figures;

describe('exports', () => {
  it('are there to look at', () => {
    expect(figures.files).toBeGreaterThan(350);
    expect(figures.exports).toBeGreaterThan(2000);
  });

  it('are used', () => {
    expect(figures.dead).toEqual([]);
  });

  it('are for other files: what a file alone uses is not exported', () => {
    expect(figures.forNobodyElse).toEqual([]);
  });
});

describe('imports', () => {
  it('have no cycles at run time', () => {
    expect(figures.cyclesAtRunTime).toEqual([]);
  });
});

describe('constants', () => {
  it('have one definition: a name stands for one number, wherever it is read', () => {
    expect(figures.constantsTwice).toEqual([]);
  });
});

describe('elements of lists', () => {
  it('are not asserted to be there', () => {
    expect(figures.assertions).toBe(0);
  });
});
