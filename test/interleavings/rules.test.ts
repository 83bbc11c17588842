// SPDX-License-Identifier: Apache-2.0
// no interleaving breaks an invariant. Counts what was explored; a violation comes with its schedule.
import { afterAll, describe, expect, it } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import { explore } from '../../src/host/explore.ts';
import { Machine } from '../../src/host/machine.ts';
import { ELSEWHERE, RULES } from './rules.ts';
import { caseOf } from './world.ts';

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

describe('no interleaving breaks an invariant', () => {
  it.each(RULES)('$id: $subject', async (rule) => {
    const result = await explore(
      caseOf(rule, (raw, options) => Machine.create(configFromObject(raw).config, options)),
      {
        exhaustive: EXHAUSTIVE,
        random: RANDOM,
        seed: SEED,
      },
    );
    explored += result.explored;
    if (result.complete) complete++;
    expect(result.violation?.program).toBeUndefined();
  });

  it('every rule of the table has a case, or a place where it is shown', () => {
    const ids = [...RULES.map((rule) => rule.id), ...Object.keys(ELSEWHERE)];
    for (let n = 1; n <= 44; n++) expect(ids).toContain(`R-${String(n).padStart(2, '0')}`);
  });
});
