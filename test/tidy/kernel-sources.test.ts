// SPDX-License-Identifier: Apache-2.0
// The kernel's sources read as the architecture does: no casts and no assertions, which do nothing there (indexing is not checked).
import { describe, expect, it } from 'vitest';
import { blank, SOURCES } from './sources.ts';

const NOISE: readonly (readonly [string, RegExp])[] = [
  ['casts to primitive types', /\bas (number|bigint|boolean|string)\b/],
  ['non-null assertions', /[\w)\]]!(?!=)/],
];

const linesWith = (code: string, pattern: RegExp): number[] =>
  code.split('\n').flatMap((line, n) => (pattern.test(line) ? [n + 1] : []));

describe('native-like has no', () => {
  const sources = SOURCES.filter(({ path }) => path.startsWith('native-like/'));

  it.each(NOISE)('%s', (_name, pattern) => {
    expect(sources.length).toBeGreaterThan(40);
    const found = sources.flatMap(({ path, code }) =>
      linesWith(code, pattern).map((line) => `${path}:${line}`),
    );
    expect(found).toEqual([]);
  });

  it.each([
    ['const free = I32[q + Q_FREE] as number;', 0],
    ['const row = ROWS[0]!;', 1],
    ['take(ROWS.get(name)!.code)', 1],
    ['if (a !== b || !c) return; // surely!', undefined],
  ] as const)('is what the test sees in: %s', (text, which) => {
    const found = NOISE.findIndex(([, pattern]) => linesWith(blank(text), pattern).length > 0);
    expect(found).toBe(which ?? -1);
  });
});
