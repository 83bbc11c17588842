// SPDX-License-Identifier: Apache-2.0
// The interleaving cases are sensitive: each rule, broken by a small patch of a copy of the built program, is noticed, and the program
// that the explorer prints shows the break when it is run in that copy, and nothing in the real build.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { configFromObject } from '../../src/config/load.ts';
import type { Machine } from '../../src/host/machine/machine.ts';
import type { Mismatch } from '../../src/program/run.ts';
import { explore } from '../interleavings/explore.ts';
import { RULES } from '../interleavings/rules.ts';
import { type Create, caseOf, configOf, type Rule } from '../interleavings/words.ts';
import type { Raw } from '../kvm/bench.ts';
import { BuildCopies, loadFrom, ROOT } from './copies.ts';

const copies = new BuildCopies('apemu-rules-');

afterAll(() => copies.remove());

/** What of a copy of the build the tests use. */
interface Built {
  readonly create: Create;
  /** Runs a program of a case in the runner of that build, as `apemu exec` does: what differs. */
  readonly replay: (rule: Rule, program: string) => Promise<readonly Mismatch[]>;
}

const builtAt = async (at: string): Promise<Built> => {
  const load = <T>(path: string): Promise<T> => loadFrom<T>(at, path);
  const config = await load<{ configFromObject: typeof configFromObject }>('config/load.js');
  const host = await load<{ Machine: typeof Machine }>('host/machine/machine.js');
  const adapter = await load<typeof import('../../src/program/adapter.ts')>('program/adapter.js');
  const { parseProgram } =
    await load<typeof import('../../src/program/parse.ts')>('program/parse.js');
  const { RunnableProgram } =
    await load<typeof import('../../src/program/run.ts')>('program/run.js');
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
  unchanged = await builtAt(copies.make('unchanged'));
});

describe('a build in which the rule is broken is noticed, and the printed program shows it', () => {
  it.each(RULES)('$id: $subject', async (rule) => {
    const built = await builtAt(copies.make(rule.id, rule.mutation));
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
    const at = copies.make('exec', rule.mutation);
    const { violation } = await explore(caseOf(rule, (await builtAt(at)).create), OPTIONS);
    const file = join(copies.folder, 'R-01.ap');
    writeFileSync(file, violation?.program ?? '');
    writeFileSync(join(copies.folder, 'R-01.yaml'), JSON.stringify(configOf(rule)));
    const broken = exec(at, file);
    expect(broken.stdout).toContain('expected holds  got O-1: Guest1 has masks and no hook');
    expect(broken.status).toBe(1);
    const real = exec(ROOT, file);
    expect(real.stderr).toBe('');
    expect(real.status).toBe(0);
  });
});
