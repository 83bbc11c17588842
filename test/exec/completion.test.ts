// SPDX-License-Identifier: Apache-2.0
// The instruction address moves past an instruction that completes, in each addressing mode.
import { expect, it } from 'vitest';
import { addressAfter, addressPast, COMPLETION_CASES } from './completion.ts';
import { createBench } from './kernel-under-test.ts';

const bench = await createBench();

it.each(COMPLETION_CASES.map((one) => [one.name, one] as const))(
  'moves the instruction address past %s',
  (_name, one) => {
    expect(addressAfter(bench, one)).toBe(addressPast(one));
  },
);
