// SPDX-License-Identifier: Apache-2.0
// R-01 to R-44: no interleaving breaks a rule of the host. Counts what was explored; a violation comes as an AP program, saved with
// its configuration.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import { Machine } from '../../src/host/machine/machine.ts';
import { explore } from './explore.ts';
import { RULES } from './rules.ts';
import { caseOf, configOf, type Rule } from './words.ts';

const EXHAUSTIVE = Number(process.env['APEMU_INTERLEAVINGS'] ?? 60);
const RANDOM = EXHAUSTIVE;
const SEED = 20_240_611;

let explored = 0;
let complete = 0;

afterAll(() => {
  process.stdout.write(
    `${explored} interleavings explored in ${RULES.length} cases, ${complete} of them exhaustively; seed ${SEED}\n`,
  );
});

/** Saves what shows a violation. Returns how to see it. */
const saved = (rule: Rule, program: string): string => {
  const folder = mkdtempSync(join(tmpdir(), 'apemu-interleaving-'));
  writeFileSync(join(folder, `${rule.id}.yaml`), JSON.stringify(configOf(rule), null, 2));
  writeFileSync(join(folder, `${rule.id}.ap`), program);
  return `apemu exec ${join(folder, `${rule.id}.ap`)}\n${program}`;
};

describe('no interleaving breaks a rule', () => {
  it.each(RULES)('$id: $subject', async (rule) => {
    const create = caseOf(rule, (raw) => Machine.create(configFromObject(raw).config));
    const result = await explore(create, { exhaustive: EXHAUSTIVE, random: RANDOM, seed: SEED });
    explored += result.explored;
    if (result.complete) complete++;
    const { violation } = result;
    expect(violation && `${violation.text}\n${saved(rule, violation.program)}`).toBeUndefined();
  });

  it('every rule of the document has a case, by its id', () => {
    const ids = RULES.map((rule) => rule.id);
    const wanted = Array.from({ length: 44 }, (_, n) => `R-${String(n + 1).padStart(2, '0')}`);
    expect(ids).toEqual([...wanted, 'VD-33']);
  });
});
