// SPDX-License-Identifier: Apache-2.0
// The vectors of this folder, on the reference model and on the built kernel.
import { describe, expect, it } from 'vitest';
import { modelFactory } from '../model/under-test.ts';
import { runVector } from '../vectors/run.ts';
import { createBench, kernelFactory } from './kernel-under-test.ts';
import { MORE_VECTORS } from './more-vectors.ts';

const factories = [modelFactory(), kernelFactory(await createBench())];

describe.each(factories.map((factory) => [factory.name, factory] as const))('%s', (_n, factory) => {
  it.each(MORE_VECTORS.map((vector) => [vector.name, vector] as const))('%s', (_name, vector) => {
    expect(runVector(factory, vector)).toEqual([]);
  });
});
