// SPDX-License-Identifier: Apache-2.0
// docs/library.md shows the example as it is, and names only what the package exports.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as library from '../../src/index.ts';

const read = (path: string): string =>
  readFileSync(join(import.meta.dirname, '../..', path), 'utf8');
const page = read('docs/library.md');

it('shows examples/driver-test/library.test.ts', () => {
  const [, shown] = /```ts\n(.*?)```/s.exec(page) ?? [];
  expect(shown).toBe(read('examples/driver-test/library.test.ts'));
});

it('names what there is', () => {
  const table = page.slice(page.indexOf('## What there is'));
  const names = [
    ...table.matchAll(/`((?:create|load|complete|take|save|restore|build|parse|replay)\w*)/g),
  ];
  expect(names.length).toBeGreaterThan(12);
  expect(names.map(([, name]) => name).filter((name) => !(name in library))).toEqual([]);
});

it('a name of a file in place of a configuration is told as one', async () => {
  for (const text of ['machine.yaml', './a b/machine.yml'])
    await expect(library.createMachine(text)).rejects.toThrow(
      `"${text}" is the name of a file (expected the text of a configuration, or loadConfigFile('${text}').config)`,
    );
  expect(() => library.createCluster('hosts.yaml')).toThrow('is the name of a file');
});
