// SPDX-License-Identifier: Apache-2.0
// The reference model gives what every vector says.

import { describe, expect, it } from 'vitest';
import { VECTORS } from '../vectors/index.ts';
import { runVector } from '../vectors/run.ts';
import { modelFactory } from './under-test.ts';

describe.each(VECTORS)('$subject', ({ vectors }) => {
  it.each(vectors.map((vector) => [vector.name, vector] as const))('%s', (_name, vector) => {
    expect(runVector(modelFactory(), vector)).toEqual([]);
  });
});

describe('the vectors', () => {
  const names = VECTORS.flatMap(({ vectors }) => vectors.map(({ name }) => name));

  it('have names that differ', () => {
    expect(names.length).toBeGreaterThan(600);
    expect(names.filter((name, k) => names.indexOf(name) !== k)).toEqual([]);
  });
});
