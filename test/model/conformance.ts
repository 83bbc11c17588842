// SPDX-License-Identifier: Apache-2.0
// Everything another implementation must pass: all vectors, and lockstep runs against the reference model.
// Use: one test file with `conformance(factory, { firstSeed, streams, operations })`.

import { describe, expect, it } from 'vitest';
import { VECTORS } from '../vectors/index.ts';
import { runVector } from '../vectors/run.ts';
import type { UnderTestFactory } from '../vectors/under-test.ts';
import { lockstep } from './lockstep.ts';
import { modelFactory } from './under-test.ts';

export interface ConformanceOptions {
  readonly firstSeed: number;
  /** Number of random machines. */
  readonly streams: number;
  /** Operations on each of them; about four out of five are instructions. */
  readonly operations: number;
}

/** Registers the tests of a machine. */
export function conformance(factory: UnderTestFactory, options: ConformanceOptions): void {
  describe.each(VECTORS)(`${factory.name}: $subject`, ({ vectors }) => {
    it.each(vectors.map((vector) => [vector.name, vector] as const))('%s', (_name, vector) => {
      expect(runVector(factory, vector)).toEqual([]);
    });
  });

  const { firstSeed, streams, operations } = options;
  it(`${factory.name} agrees with the model on ${streams} machines from seed ${firstSeed}, ${operations} operations each`, () => {
    for (let seed = firstSeed; seed < firstSeed + streams; seed++) {
      const found = lockstep({ seed, operations, reference: modelFactory(), subject: factory });
      expect(found?.report).toBeUndefined();
    }
  });
}
