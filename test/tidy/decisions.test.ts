// SPDX-License-Identifier: Apache-2.0
// Decision numbers: each one the code names has one row in docs/decisions.md.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, SOURCES } from './sources.ts';

const page = readFileSync(join(ROOT, 'docs/decisions.md'), 'utf8');
const rows = [...page.matchAll(/^\| ([ACFV]D-\d+[a-z]?) \| .+ \| .+ \|$/gm)].map(
  (match) => match[1],
);

describe('docs/decisions.md', () => {
  it('has each number once, and all of the reference pages', () => {
    expect(rows.filter((row, n) => rows.indexOf(row) !== n)).toEqual([]);
    for (const file of ['ap-architecture.md', 'vfio-ap.md']) {
      const reference = readFileSync(join(ROOT, 'docs/reference', file), 'utf8');
      const numbers = [...reference.matchAll(/^\| ([AV]D-\d+[a-z]?) \|/gm)].map((m) => m[1]);
      expect(numbers.length).toBeGreaterThan(25);
      expect(numbers.filter((number) => !rows.includes(number as string))).toEqual([]);
    }
  });

  it('has a row for every number the code names', () => {
    const missing = SOURCES.filter(({ path }) => !path.startsWith('test/tidy/')).flatMap(
      ({ path, text }) =>
        [...text.matchAll(/\b[ACFV]D-\d\d[a-z]?\b/g)]
          .filter(([number]) => !rows.includes(number))
          .map(([number]) => `${path}: ${number}`),
    );
    expect(missing).toEqual([]);
  });

  it('says for every point of the reference model which decision it is', () => {
    const model = readFileSync(join(ROOT, 'test/model/README.md'), 'utf8');
    const points = [...model.matchAll(/^\| (P\d+)/gm)].map((match) => match[1]);
    expect(points).toHaveLength(35);
    const listed = points
      .slice(12)
      .filter((point) => !page.includes(`| ${point} of the reference`));
    expect(listed).toEqual([]);
  });
});
