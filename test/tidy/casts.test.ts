// SPDX-License-Identifier: Apache-2.0
// Casts and assertions that do nothing: an element of a list or a typed array has its type already, since indexing is not checked
// (`noUncheckedIndexedAccess` is off). Those that are left say something.
import { describe, expect, it } from 'vitest';
import { blank, SOURCES } from './sources.ts';

const CAST = /[\w)\]]\[[^\]]*\w[^\]]*\](\))? as (number|bigint|boolean|string)\b(?!\[)/;
const ASSERTION = /\]!(?!=)/;

const linesWith = (code: string, pattern: RegExp): number[] =>
  code.split('\n').flatMap((line, n) => (pattern.test(line) ? [n + 1] : []));

const found = (pattern: RegExp, folders: RegExp): string[] =>
  SOURCES.filter(({ path }) => folders.test(path)).flatMap(({ path, code }) =>
    linesWith(code, pattern).map((line) => `${path}:${line}`),
  );

describe('an element of a list', () => {
  it('is not cast to what it is', () => {
    expect(found(CAST, /^(src|native-like|bench|test|examples)\//)).toEqual([]);
  });

  // In tests a list may have holes: a partition's adapters, the bus's cards.
  it('is not asserted to be there', () => {
    expect(found(ASSERTION, /^(src|native-like|bench|examples)\//)).toEqual([]);
  });

  it.each([
    ['const free = words[q + 1] as number;', true],
    ['const b = (bytes[at] as number) << 8;', true],
    ['const row = rows[0]!;', true],
    ['const kept = values as number[];', false],
    ["const text = record['name'] as string;", false],
    ['const wrong = rows[0] !== 1;', false],
  ])('is what the test sees in %s: %s', (text, seen) => {
    const code = blank(text);
    expect(CAST.test(code) || ASSERTION.test(code)).toBe(seen);
  });
});
