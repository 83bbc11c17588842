// SPDX-License-Identifier: Apache-2.0
// Documentation: links lead somewhere, and docs/architecture.md lists the folders and packages there are.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROWS } from './layers.ts';
import { ROOT } from './sources.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const markdown = (folder: string): string[] =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
const PAGES = [...markdown('.'), ...markdown('docs'), 'examples/README.md'];
const architecture = read('docs/architecture.md');

describe('links', () => {
  it.each(PAGES)('of %s lead to files that exist', (page) => {
    const targets = [...read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1])
      .filter((target) => !/^[a-z]+:/.test(target));
    const missing = targets.filter((target) => !existsSync(join(ROOT, dirname(page), target)));
    expect(missing).toEqual([]);
  });

  it('there are pages to look at', () => {
    expect(PAGES.length).toBeGreaterThanOrEqual(11);
  });
});

describe('docs/architecture.md', () => {
  it('lists the folders in the order the tidy tests check', () => {
    const listed = [...architecture.matchAll(/^\| (\d+) \| `([^`]+)` \|/gm)].map(
      (match) => `${match[1]} ${match[2]}`,
    );
    // src/errors.ts stands before all and is named in the text.
    const rows = ROWS.slice(1).flatMap((row, n) => row.map((folder) => `${n + 1} ${folder}`));
    expect(listed).toEqual(rows);
  });

  it('says why each package is there', () => {
    const manifest = JSON.parse(read('package.json')) as {
      dependencies: object;
      devDependencies: object;
    };
    const names = [manifest.dependencies, manifest.devDependencies].flatMap(Object.keys);
    const section = architecture.slice(
      architecture.indexOf('## Packages'),
      architecture.indexOf('## Deviations'),
    );
    const listed = [...section.matchAll(/^\| ([^|]+?) \|/gm)].flatMap((match) =>
      match[1].split(', '),
    );
    expect(names.filter((name) => !listed.includes(name))).toEqual([]);
    expect(listed.filter((name) => !names.includes(name) && !/^(package|-+)$/.test(name))).toEqual(
      [],
    );
  });
});
