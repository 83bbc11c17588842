// SPDX-License-Identifier: Apache-2.0
// The reference model gives what every vector says, and the vectors notice every planted error of the model.

import { describe, expect, it } from 'vitest';
import { VECTORS } from '../vectors/index.ts';
import { runVector } from '../vectors/run.ts';
import { conformance } from './conformance.ts';
import { MUTATIONS } from './mutations.ts';
import { modelFactory } from './under-test.ts';

conformance(modelFactory(), { firstSeed: 1, streams: 60, operations: 400 });

describe('the vectors', () => {
  const all = VECTORS.flatMap(({ vectors }) => vectors);
  const names = all.map(({ name }) => name);

  it('have names that differ', () => {
    expect(names.length).toBeGreaterThan(600);
    expect(names.filter((name, k) => names.indexOf(name) !== k)).toEqual([]);
  });

  it.each(MUTATIONS)('notice a model that $breaks ($name, $rule)', ({ name }) => {
    const factory = modelFactory(name);
    const noticed = all.some((vector) => runVector(factory, vector).length > 0);
    expect(noticed).toBe(true);
  });
});
