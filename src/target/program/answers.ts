// SPDX-License-Identifier: Apache-2.0
// Adapters for fuzzing: the same request of the same queue always gets the same answer, so that a case is the same in any order of cases,
// and arithmetic that was done once is not done again.
import type { ServiceModels, ServiceRequest } from '../../lpar/service.ts';

/** Answers kept; more are computed each time. */
const ANSWERS_MAX = 4096;

const keyOf = ({ apqn, special, bytes }: ServiceRequest): string =>
  `${apqn},${special ? 's' : ''},${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')}`;

/** `models` with a memory of all answers but injected ones. */
export const allAnswers = (models: ServiceModels): ServiceModels => {
  const answers = new Map<string, Uint8Array>();
  const answer = (request: ServiceRequest): number => {
    if (request.injected !== undefined) return models.answer(request);
    const key = keyOf(request);
    const known = answers.get(key);
    if (known !== undefined) {
      request.room.set(known);
      return known.length;
    }
    const length = models.answer(request);
    if (answers.size < ANSWERS_MAX) answers.set(key, request.room.slice(0, length));
    return length;
  };
  return { answer, ratedNs: models.ratedNs };
};
