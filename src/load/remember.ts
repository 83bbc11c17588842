// SPDX-License-Identifier: Apache-2.0
// Remembers what cards answer, so that virtual time does not wait for arithmetic it has done before.
// A workload sends few different requests many times; in virtual time an answer costs what the service model says, however long
// this computer takes for it. Only answers that depend on nothing but the request and the card are remembered.

import type { AdapterMode } from '../../native-like/arch/adapter-types.ts';
import { requestFunction } from '../cex/request-function.ts';
import type { ServiceModels, ServiceRequest } from '../lpar/service.ts';

/** Answers kept: 16 requests for each queue of a large machine; more are computed each time. */
const ANSWERS_MAX = 4096;

/** CCA functions whose answer is the result of an RSA operation and nothing else. */
const PURE_CCA: ReadonlySet<string> = new Set(['PK', 'PD']);

const isPure = (mode: AdapterMode | undefined, request: Uint8Array): boolean =>
  mode === 'accelerator' || (mode === 'cca' && PURE_CCA.has(requestFunction(mode, request)));

const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');

/** Every byte of a request, the special bit and its queue, as a key of a Map. */
export const requestKey = ({ apqn, special, bytes }: ServiceRequest): string =>
  `${apqn},${special ? 's' : ''},${textOf(bytes)}`;

/** `models` with a memory: requests with the same key get the same answer. `keyOf`: the key, or undefined for what is not remembered. */
export const remembering = (
  models: ServiceModels,
  keyOf: (request: ServiceRequest) => string | undefined,
): ServiceModels => {
  const answers = new Map<string, Uint8Array>();
  const answer = (request: ServiceRequest): number => {
    const key = keyOf(request);
    if (key === undefined) return models.answer(request);
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

/** `models` with a memory of pure answers. `modeOf` says what an adapter is. */
export const rememberAnswers = (
  models: ServiceModels,
  modeOf: (apid: number) => AdapterMode | undefined,
): ServiceModels =>
  remembering(models, (request) =>
    request.injected === undefined && isPure(modeOf(request.apqn >>> 8), request.bytes)
      ? `${request.sender},${requestKey(request)}`
      : undefined,
  );
