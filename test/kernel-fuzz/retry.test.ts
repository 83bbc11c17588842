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
  const failed = (message: string): void => void heard.push(message);
  const end = await retry(3, action, failed).then(
    () => 'done',
    (error: Error) => error.message,
  );
  expect([end, heard]).toEqual([ends, told]);
});

it('is not done again once it is interrupted', async () => {
  const interrupt = new AbortController();
  let tries = 0;
  const action = async () => {
    if (++tries === 2) interrupt.abort();
    throw new Error(`failure ${tries}`);
  };
  const end = retry(4, action, () => {}, interrupt.signal);
  await expect(end).rejects.toThrow('failure 2');
});
