// SPDX-License-Identifier: Apache-2.0
// The built kernel passes every vector and agrees with the reference model on generated machines and streams.
import { conformance } from '../model/conformance.ts';
import { createBench, kernelFactory } from './kernel-under-test.ts';

conformance(kernelFactory(await createBench()), {
  firstSeed: 1,
  streams: 2100,
  operations: 500,
});
