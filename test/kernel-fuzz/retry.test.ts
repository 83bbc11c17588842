// SPDX-License-Identifier: Apache-2.0
// What is done again when it fails, and when that ends.
import { expect, it } from 'vitest';
import { retry } from '../../src/kernel-fuzz/retry.ts';

it.each([
  ['at once', 0, 'done', []],
  ['after two failures', 2, 'done', ['failure 1', 'failure 2']],
  ['never, so that the last failure is told', 9, 'failure 3', ['failure 1', 'failure 2']],
])('something succeeds %s', async (_when, failures, ends, told) => {
  let tries = 0;
  const heard: string[] = [];
  const action = async () => {
    if (++tries <= failures) throw new Error(`failure ${tries}`);
  };
  const end = await retry(3, action, (message) => heard.push(message)).then(
    () => 'done',
    (error: Error) => error.message,
  );
  expect([end, heard]).toEqual([ends, told]);
});
