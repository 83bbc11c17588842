// SPDX-License-Identifier: Apache-2.0
// The interleaving cases are sensitive: each rule, broken by a small patch of a copy of the built program, is noticed.
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { configFromObject } from '../../src/config/load.ts';
import { explore } from '../../src/host/explore.ts';
import type { Machine } from '../../src/host/machine.ts';
import { RULES } from '../interleavings/rules.ts';
import { type Create, caseOf, type Rule } from '../interleavings/world.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'apemu-rules-'));
const broken = RULES.filter((rule) => rule.mutation !== undefined);

afterAll(() => rmSync(folder, { recursive: true }));

/** A copy of the build, its files linked but for the one that is changed. */
const copyOf = (name: string, mutation: NonNullable<Rule['mutation']> | undefined): string => {
  const at = join(folder, name);
  mkdirSync(at);
  execFileSync('cp', ['-r', join(ROOT, 'dist'), join(at, 'dist')]);
  copyFileSync(join(ROOT, 'package.json'), join(at, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(at, 'node_modules'));
  if (mutation === undefined) return at;
  const file = join(at, 'dist/src', mutation.file);
  const source = readFileSync(file, 'utf8');
  const parts = source.split(mutation.find);
  if (parts.length !== 2)
    throw new Error(`${mutation.file} has ${parts.length - 1} times: ${mutation.find}`);
  writeFileSync(file, parts.join(mutation.put));
  return at;
};

const createFrom = async (at: string): Promise<Create> => {
  const load = async (path: string) => import(pathToFileURL(join(at, 'dist/src', path)).href);
  const config = (await load('config/load.js')) as { configFromObject: typeof configFromObject };
  const host = (await load('host/machine.js')) as { Machine: typeof Machine };
  return (raw, options) => host.Machine.create(config.configFromObject(raw).config, options);
};

const OPTIONS = { exhaustive: 150, random: 150, seed: 7 };

describe('a build in which the rule is broken is noticed', () => {
  it.each(broken)('$id: $subject', async (rule) => {
    const create = await createFrom(copyOf(rule.id, rule.mutation));
    const result = await explore(caseOf(rule, create), OPTIONS);
    expect(result.violation?.text).toBeDefined();
  });

  it('an unchanged copy is not', async () => {
    const create = await createFrom(copyOf('unchanged', undefined));
    for (const rule of broken) {
      const result = await explore(caseOf(rule, create), { ...OPTIONS, exhaustive: 5, random: 2 });
      expect(result.violation?.program, rule.id).toBeUndefined();
    }
  });
});
