// SPDX-License-Identifier: Apache-2.0
// Figures of scripts/measure.js that may not get worse: exports, cycles of imports, constants defined a second time.

import { execFileSync } from 'node:child_process';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, SOURCES } from './sources.ts';

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

/** Classes that stand in several files: their parts know the whole, by its type alone. */
const WHOLES = [
  'src/ap-bus/bus.ts',
  'src/host/machine/machine.ts',
  'src/shell/language/interpreter.ts',
  'src/shell/language/lexer.ts',
  'src/shell/language/parser.ts',
  'src/vfio-ap/matrix-device.ts',
];

/** Files that are the same thing of several siblings: each kind of card has its functions and its processing, each command its run. */
const FAMILIES = ['functions.ts', 'process.ts', 'run.ts'];

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

  it('have cycles of types only between a whole and its parts', () => {
    const strays = figures.cyclesOfTypes.filter(
      (files) => files.filter((file) => WHOLES.includes(file)).length !== 1,
    );
    expect(strays).toEqual([]);
    expect(figures.cyclesOfTypes.length).toBeLessThanOrEqual(WHOLES.length);
  });

  it('names of files: few stand in many folders', () => {
    const names = SOURCES.filter(({ path }) => /^(src|native-like)\//.test(path)).map(({ path }) =>
      basename(path),
    );
    const often = [...new Set(names)].filter(
      (name) => names.filter((one) => one === name).length > 3 && !FAMILIES.includes(name),
    );
    expect(often).toEqual([]);
  });
});

describe('host operations', () => {
  it('are driven in one file, and step by step by who explores their order', () => {
    const found = SOURCES.filter(
      ({ path, code }) => path.startsWith('src/') && /\boperation\.next\(\)/.test(code),
    ).map(({ path }) => path);
    expect(found).toEqual(['src/ap-bus/driving.ts', 'src/program/threads.ts']);
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
