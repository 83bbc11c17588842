// SPDX-License-Identifier: Apache-2.0
// The oracle is sensitive: generated streams find every planted error of the model.

import { describe, expect, it } from 'vitest';
import { lockstep } from './lockstep.ts';
import { MUTATIONS } from './mutations.ts';
import { modelFactory } from './under-test.ts';

/** Streams are short, so that many different machines are seen. */
const OPERATIONS_PER_STREAM = 400;
const MAX_STREAMS = 600;

describe('the generator and the comparison', () => {
  it.each(MUTATIONS)('notice a model that $breaks ($name, $rule)', ({ name }) => {
    let streams = 0;
    let noticed = false;
    while (!noticed && streams < MAX_STREAMS) {
      streams += 1;
      const found = lockstep({
        seed: streams,
        operations: OPERATIONS_PER_STREAM,
        reference: modelFactory(),
        subject: modelFactory(name),
        keepLong: true,
      });
      noticed = found !== undefined;
    }
    expect(noticed, `no difference in ${streams} streams`).toBe(true);
  });
});
