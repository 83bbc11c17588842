// SPDX-License-Identifier: Apache-2.0
// Remembers the answers of cards, so that virtual time does not have to wait for arithmetic that was done before. A workload sends few
// different requests many times. In virtual time an answer takes what the service model says, however long this computer needs for it.
// Only answers that depend on nothing but the request and the card are remembered.

import type { AdapterMode } from '../../native-like/arch/adapter-types.ts';
import { sameBytes } from '../cex/messages/bytes.ts';
import { requestFunction } from '../cex/request-function.ts';
import type { ServiceModels, ServiceRequest } from '../lpar/adapter-service.ts';

/** Number of answers that are kept: 16 requests for each queue of a large machine. Others are computed each time. */
const ANSWERS_MAX = 4096;

/** CCA functions whose answer is the result of an RSA operation and nothing else. */
const PURE_CCA: ReadonlySet<string> = new Set(['PK', 'PD']);

const isPure = (mode: AdapterMode | undefined, request: Uint8Array): boolean =>
  mode === 'accelerator' || (mode === 'cca' && PURE_CCA.has(requestFunction(mode, request)));

/** An answer and the request it belongs to. `scope` is what else it depends on. */
interface Answered {
  readonly scope: number;
  readonly apqn: number;
  readonly special: boolean;
  readonly request: Uint8Array;
  readonly reply: Uint8Array;
}

/** Every so many bytes of a request one goes into its hash, and at most so many. */
const HASHED_STEP = 7;
const HASHED_MAX = 64;
const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a hash of some bytes of a request. Requests with the same hash are compared as a whole. */
const hashOf = (scope: number, { apqn, bytes }: ServiceRequest): number => {
  let hash = Math.imul(FNV_BASIS ^ scope, FNV_PRIME) ^ (bytes.length << 16) ^ apqn;
  const step = Math.max(HASHED_STEP, Math.ceil(bytes.length / HASHED_MAX));
  for (let at = 0; at < bytes.length; at += step) hash = Math.imul(hash ^ bytes[at], FNV_PRIME);
  return hash;
};

/**
 * Gives `models` a memory. A request with the same bytes, queue, special bit and scope gets the same answer; if a fault injects a reply,
 * it is made from that answer. `scopeOf` returns what else the answer depends on, or undefined for an answer that is not to be
 * remembered.
 */
export const remembering = (
  models: ServiceModels,
  scopeOf: (request: ServiceRequest) => number | undefined,
): ServiceModels => {
  const answers = new Map<number, Answered[]>();
  let kept = 0;
  /** The answer without an injected reply. The request is left as it is. */
  const goodAnswer = (request: ServiceRequest, scope: number): Uint8Array => {
    const { apqn, special, bytes, room } = request;
    const hash = hashOf(scope, request);
    const others = answers.get(hash) ?? [];
    const known = others.find(
      (one) =>
        one.scope === scope &&
        one.apqn === apqn &&
        one.special === special &&
        sameBytes(one.request, bytes),
    );
    if (known !== undefined) return known.reply;
    // The request is copied, since the reply is put in its place.
    const asked = bytes.slice();
    const length = models.answer({ ...request, injected: undefined });
    const reply = room.slice(0, length);
    bytes.set(asked);
    if (kept++ >= ANSWERS_MAX) return reply;
    others.push({ scope, apqn, special, request: asked, reply });
    answers.set(hash, others);
    return reply;
  };
  const answer = (request: ServiceRequest): number => {
    const scope = scopeOf(request);
    if (scope === undefined) return models.answer(request);
    const good = goodAnswer(request, scope);
    if (request.injected !== undefined) return models.inject(request, good);
    request.room.set(good);
    return good.length;
  };
  return { answer, inject: models.inject, ratedNs: models.ratedNs };
};

/** Gives `models` a memory of pure answers. `modeOf` returns the mode of an adapter. */
export const rememberAnswers = (
  models: ServiceModels,
  modeOf: (apid: number) => AdapterMode | undefined,
): ServiceModels =>
  remembering(models, (request) =>
    isPure(modeOf(request.apqn >>> 8), request.bytes) ? request.sender : undefined,
  );
