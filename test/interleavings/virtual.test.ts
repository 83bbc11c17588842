// SPDX-License-Identifier: Apache-2.0
// No order of what administrators, operators and guests do lets a message of a shared card be lost, doubled or another's; each case is
// sensitive to a patch of a copy of the build. APEMU_INTERLEAVINGS=2000 is the long run.
// Source: docs/reference/vfio-ap.md sections 6.3 and 8.3.
import { afterAll, describe, expect, it } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import { Machine } from '../../src/host/machine/machine.ts';
import type { Raw } from '../kvm/bench.ts';
import { BuildCopies, loadFrom } from '../mutations/copies.ts';
import { explore } from './explore.ts';
import { SHARING_CASES, sharingCase } from './virtual.ts';

const EXPLORED = Number(process.env['APEMU_INTERLEAVINGS'] ?? 10);
const SEED = 20_261_129;
/** Interleavings until a broken build is noticed. */
const PATIENCE = { exhaustive: 60, random: 120, seed: SEED };

const builds = new BuildCopies('apemu-sharing-');
let explored = 0;
afterAll(() => {
  builds.remove();
  process.stdout.write(
    `${explored} interleavings of ${SHARING_CASES.length} cases of sharing explored\n`,
  );
});

describe('guests that share cards, in any order', () => {
  it.each(SHARING_CASES)('$id: $subject', async (one) => {
    const create = sharingCase(one, (raw) => Machine.create(configFromObject(raw).config));
    const options = { exhaustive: EXPLORED, random: EXPLORED, seed: SEED };
    const { explored: count, violation } = await explore(create, options);
    explored += count;
    expect(violation && `${violation.text}\n${violation.program}`).toBeUndefined();
  });
});

describe('a build in which a case is broken is noticed', () => {
  it.each(SHARING_CASES)('$id: $subject', async (one) => {
    const at = builds.make(one.id, one.mutation);
    const config = await loadFrom<typeof import('../../src/config/load.ts')>(at, 'config/load.js');
    const host = await loadFrom<typeof import('../../src/host/machine/machine.ts')>(
      at,
      'host/machine/machine.js',
    );
    const create = (raw: Raw) => host.Machine.create(config.configFromObject(raw).config);
    const { violation } = await explore(sharingCase(one, create), PATIENCE);
    expect(violation).toBeDefined();
  });
});
