// SPDX-License-Identifier: Apache-2.0
// By what a kernel's answers are judged: a known result, what the same queue answered, or what any queue answered that the kernel may choose.
import { expect, it } from 'vitest';
import { HealthyAnswers } from '../../src/kernel-fuzz/healthy-answers.ts';
import type { UserRequest } from '../../src/kernel-fuzz/requests.ts';

const request = (more: Partial<UserRequest> = {}): UserRequest => ({
  kind: 'query',
  calls: () => [],
  output: () => new Uint8Array(),
  expected: undefined,
  ...more,
});
const bytes = (value: number): Uint8Array => Uint8Array.of(value);

const answers = new HealthyAnswers();
const [first, second] = [request({ anyQueue: true }), request({ anyQueue: true })];
const targeted = request();
answers.learn(first, bytes(1));
answers.learn(second, bytes(2));
answers.learn(targeted, bytes(3));

it.each<[string, UserRequest, number, boolean, boolean]>([
  ['a queue that was named, its own', first, 1, false, true],
  ['a queue that was named, of another queue', first, 2, false, false],
  ['a queue that the kernel chose, of another queue', first, 2, true, true],
  ['a queue that the kernel chose, of a request for one queue', first, 3, true, false],
  ['a request that names its queue in itself, of another queue', targeted, 2, true, false],
  ['a request nobody has asked a healthy queue', request(), 9, false, true],
  ['a known result', request({ expected: bytes(4) }), 4, false, true],
  ['a wrong result', request({ expected: bytes(4) }), 5, true, false],
])('the answer of %s', (_what, asked, answer, chosen, right) => {
  expect(answers.judge(asked, bytes(answer), chosen) === undefined).toBe(right);
});
