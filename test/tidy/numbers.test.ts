// SPDX-License-Identifier: Apache-2.0
// Numbers of rules (I-1, O-1, R-01, S0-01, V-01): each one that code or a page names is a row of its list, and docs/numbers.md says which.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, SOURCES } from './sources.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const page = read('docs/numbers.md');
const reference = read('docs/reference/vfio-ap.md');

/** Each list: how its numbers look, and how many rows it has. */
const LISTS = [
  { name: 'I', pattern: /\bI-\d{1,2}\b/g, rows: 6 },
  { name: 'O', pattern: /\bO-\d{1,2}\b/g, rows: 8 },
  { name: 'R', pattern: /\bR-\d{2}\b/g, rows: 44 },
  { name: 'S', pattern: /\bS\d-\d{2}\b/g, rows: 114 },
  { name: 'V', pattern: /\bV-\d{2}\b/g, rows: 15 },
] as const;

/** Code, and pages a reader may meet the numbers in. */
const texts = [
  ...SOURCES.filter(({ path }) => path !== 'test/tidy/numbers.test.ts'),
  ...['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'examples/README.md']
    .concat(
      ['docs', 'docs/reference'].flatMap((folder) =>
        readdirSync(join(ROOT, folder))
          .filter((name) => name.endsWith('.md'))
          .map((name) => `${folder}/${name}`),
      ),
    )
    .map((path) => ({ path, text: read(path) })),
];

describe.each(LISTS)('numbers $name', ({ pattern, rows }) => {
  const first = (text: string): string => text.match(pattern)?.[0] ?? '';
  const listed = [...reference.matchAll(/^\| ([A-Z]\d?-\d{1,2}) \|/gm)]
    .map((match) => match[1])
    .filter((number) => first(number) === number);

  it('have a row each, once', () => {
    expect(listed).toHaveLength(rows);
    expect(new Set(listed).size).toBe(rows);
  });

  it('have a row for each one that is named', () => {
    const unknown = texts.flatMap(({ path, text }) =>
      [...text.matchAll(pattern)]
        .map(([number]) => number)
        .filter((number) => !listed.includes(number))
        .map((number) => `${path}: ${number}`),
    );
    expect(unknown).toEqual([]);
  });

  it('are explained on docs/numbers.md', () => {
    const row = page.split('\n').find((line) => line.startsWith(`| ${listed[0]} …`));
    expect(row).toBeDefined();
    expect(row).toContain(listed.at(-1));
  });
});
