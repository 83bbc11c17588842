// SPDX-License-Identifier: Apache-2.0
// What of a guest program's state is taken for the messages of a driver and its user.
import { expect, it } from 'vitest';
import { createStatistics } from '../../src/guest/ap-bus-driver/statistics.ts';
import { userLoadOf } from '../../src/load/counts.ts';

const load = {
  ...{ statistics: createStatistics(), failed: 0, firstMessageNs: 0, lastReplyNs: 0 },
  open: {},
};

it.each([
  ['a number', { load: 0.5 }, false],
  ['nothing', { load: null }, false],
  ['a list', { load: [] }, false],
  ['an object of somebody’s own', { load: { open: 3, statistics: 'none' } }, false],
  ['no state at all', undefined, false],
  ['what a driver with a user counts', { load }, true],
])('a property "load" that is %s', (_what, state, taken) => {
  expect(userLoadOf(state) !== undefined).toBe(taken);
});
