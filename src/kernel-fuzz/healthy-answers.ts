// SPDX-License-Identifier: Apache-2.0
// What healthy queues answered: later answers are judged by it, where nothing else tells what is right.
import { sameBytes } from '../cex/messages/bytes.ts';
import type { UserRequest } from './requests.ts';

export class HealthyAnswers {
  readonly #answers = new Map<UserRequest, Uint8Array>();

  /** A healthy queue has answered a request. */
  learn(request: UserRequest, answer: Uint8Array): void {
    if (request.expected === undefined) this.#answers.set(request, answer);
  }

  /**
   * Why an answer is wrong; undefined: it is right, or nobody knows.
   * @param chosen the kernel has chosen the queue: where it may choose among several, each of their answers is right
   */
  judge(request: UserRequest, answer: Uint8Array, chosen: boolean): string | undefined {
    const { expected } = request;
    if (expected !== undefined)
      return sameBytes(expected, answer) ? undefined : 'the RSA result is wrong';
    const learned = this.#rightOnes(request, chosen);
    if (learned.length === 0 || learned.some((right) => sameBytes(right, answer))) return undefined;
    return 'the answer is not the one a healthy queue gave';
  }

  #rightOnes(request: UserRequest, chosen: boolean): readonly Uint8Array[] {
    if (chosen && request.anyQueue === true)
      return [...this.#answers].flatMap(([one, answer]) => (one.anyQueue === true ? [answer] : []));
    const answer = this.#answers.get(request);
    return answer === undefined ? [] : [answer];
  }
}
