// SPDX-License-Identifier: Apache-2.0
// The interleaving cases are sensitive: each rule, broken by a small patch of a copy of the built program, is noticed, and the program
// that the explorer prints shows the break when it is run in that copy, and nothing in the real build.
import { execFileSync, spawnSync } from 'node:child_process';
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
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { configFromObject } from '../../src/config/load.ts';
import type { Machine } from '../../src/host/machine/machine.ts';
import type { Mismatch } from '../../src/program/run.ts';
import { explore } from '../interleavings/explore.ts';
import { RULES } from '../interleavings/rules.ts';
import { type Create, caseOf, configOf, type Rule } from '../interleavings/words.ts';
import type { Raw } from '../kvm/bench.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'apemu-rules-'));

afterAll(() => rmSync(folder, { recursive: true }));

/** A copy of the build, its files linked but for the one that is changed. */
const copyOf = (name: string, mutation: Rule['mutation'] | undefined): string => {
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

/** What of a copy of the build the tests use. */
interface Built {
  readonly create: Create;
  /** Runs a program of a case in the runner of that build, as `apemu exec` does: what differs. */
  readonly replay: (rule: Rule, program: string) => Promise<readonly Mismatch[]>;
}

const builtAt = async (at: string): Promise<Built> => {
  const load = async (path: string) => import(pathToFileURL(join(at, 'dist/src', path)).href);
  const config = (await load('config/load.js')) as { configFromObject: typeof configFromObject };
  const host = (await load('host/machine/machine.js')) as { Machine: typeof Machine };
  const adapter = (await load(
    'program/adapter.js',
  )) as typeof import('../../src/program/adapter.ts');
  const { parseProgram } = (await load(
    'program/parse.js',
  )) as typeof import('../../src/program/parse.ts');
  const { RunnableProgram } = (await load(
    'program/run.js',
  )) as typeof import('../../src/program/run.ts');
  const configured = (raw: Raw) => config.configFromObject(raw).config;
  return {
    create: (raw) => host.Machine.create(configured(raw)),
    replay: async (rule, program) => {
      const machine = await adapter.openProgramMachine(configured(configOf(rule)));
      try {
        return new RunnableProgram(parseProgram(program, `${rule.id}.ap`), machine).run()
          .mismatches;
      } finally {
        machine.close();
      }
    },
  };
};

const OPTIONS = { exhaustive: 150, random: 150, seed: 7 };
let unchanged: Built;

beforeAll(async () => {
  unchanged = await builtAt(copyOf('unchanged', undefined));
});

describe('a build in which the rule is broken is noticed, and the printed program shows it', () => {
  it.each(RULES)('$id: $subject', async (rule) => {
    const built = await builtAt(copyOf(rule.id, rule.mutation));
    const { violation } = await explore(caseOf(rule, built.create), OPTIONS);
    expect(violation?.text).toBeDefined();
    const program = violation?.program ?? '';
    // A look at what lines cannot say is no line of the program either; an error ends it.
    const shown = built.replay(rule, program).then((found) => found.length > 0);
    if (rule.watch === undefined) await expect(shown.catch(() => true)).resolves.toBe(true);
    expect(await unchanged.replay(rule, program)).toEqual([]);
  });

  it('an unchanged copy is not', async () => {
    for (const rule of RULES) {
      const options = { ...OPTIONS, exhaustive: 5, random: 2 };
      const result = await explore(caseOf(rule, unchanged.create), options);
      expect(result.violation?.program, rule.id).toBeUndefined();
    }
  });
});

describe('apemu exec', () => {
  const exec = (at: string, file: string) =>
    spawnSync(process.execPath, [join(at, 'dist/src/cli/main.js'), 'exec', file], {
      encoding: 'utf8',
    });

  it('replays a printed program from its file: exit code 1 on the broken build, 0 on the real one', async () => {
    const rule = RULES.find(({ id }) => id === 'R-01') as Rule;
    const at = copyOf('exec', rule.mutation);
    const { violation } = await explore(caseOf(rule, (await builtAt(at)).create), OPTIONS);
    const file = join(folder, 'R-01.ap');
    writeFileSync(file, violation?.program ?? '');
    writeFileSync(join(folder, 'R-01.yaml'), JSON.stringify(configOf(rule)));
    const broken = exec(at, file);
    expect(broken.stdout).toContain('expected holds  got O-1: Guest1 has masks and no hook');
    expect(broken.status).toBe(1);
    const real = exec(ROOT, file);
    expect(real.stderr).toBe('');
    expect(real.status).toBe(0);
  });
});
