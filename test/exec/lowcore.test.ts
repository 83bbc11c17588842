// SPDX-License-Identifier: Apache-2.0
// Program interruptions of AP instructions store old PSW, ILC and code; the vCPU itself stays as it was.
import { expect, it } from 'vitest';
import { createBench } from './kernel-under-test.ts';
import { LOWCORE_CASES, runLowcoreCase } from './lowcore.ts';

const bench = await createBench();

it.each(LOWCORE_CASES.map((lowcore) => [lowcore.name, lowcore] as const))(
  'stores old PSW, ILC and code and leaves PSW and registers: %s',
  (_name, lowcore) => {
    expect(runLowcoreCase(bench, lowcore)).toEqual([]);
  },
);
