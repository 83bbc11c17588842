// SPDX-License-Identifier: Apache-2.0
// What the partition's adapters answer: the card models of src/cex behind the adapter service.
// Source: docs/design.md sections 3 and 4; docs/reference/messages.md.

import { messageLimit } from '../../../native-like/arch/limits.ts';
import type { MachineImage } from '../../../native-like/machine/image.ts';
import {
  ADM_WORDS,
  C_ADM,
  C_MASKS,
  MASK_AQM,
  MASK_WORDS,
  T_RANDOM,
} from '../../../native-like/machine/layout.ts';
import { hasBit } from '../../../native-like/machine/mask-test.ts';
import {
  type AdapterModel,
  injectIntoReply,
  processRequest,
  type RequestContext,
} from '../../cex/adapter.ts';
import { requestServiceNs } from '../../cex/service-time.ts';
import type { ServiceModels, ServiceRequest } from '../../lpar/adapter-service.ts';
import { nextRandom, seedRandom } from '../../lpar/random.ts';

/** An adapter, with all that its card model needs to know. */
export interface Card extends AdapterModel {
  readonly apid: number;
}

/** Word index of the effective ADM that belongs to the effective masks at word `masks`. */
const admOf = (image: MachineImage, masks: number): number =>
  image.word(C_ADM) + ((masks - image.word(C_MASKS)) / MASK_WORDS) * ADM_WORDS;

/**
 * Fills bytes from a seeded generator, for cards. Its state is a word of the thread's block in the image, so that a saved machine
 * continues with the same bytes.
 */
export const fillRandom = (image: MachineImage, thread: number, target: Uint8Array): void => {
  const word = image.thread(thread) + T_RANDOM;
  let state = image.word(word);
  for (let n = 0; n < target.length; n++) {
    state = nextRandom(state);
    target[n] = state >>> 24;
  }
  image.i32[word] = state;
};

/** The card models of a machine. They judge requests by the masks of their sender (CD-15). `cards` may change while the machine runs. */
export const cardModels = (
  image: MachineImage,
  cards: ReadonlyMap<number, Card>,
  seed: number,
  thread = 0,
): ServiceModels => {
  image.i32[image.thread(thread) + T_RANDOM] = seedRandom(seed, 0x2000 + thread);
  const contextOf = (
    card: Card,
    { apqn, sender, special, injected }: ServiceRequest,
  ): RequestContext => ({
    apid: apqn >>> 8,
    apqi: apqn & 0xff,
    usage: (domain) => hasBit(image, sender + MASK_AQM, domain),
    control: (domain) => hasBit(image, admOf(image, sender), domain),
    random: (target) => fillRandom(image, thread, target),
    special,
    maxReplyBytes: messageLimit(card.ml ?? 0),
    ...injected,
  });
  const answer = (request: ServiceRequest): number => {
    const card = cards.get(request.apqn >>> 8);
    if (card === undefined) return request.bytes.length;
    return processRequest(card, request.bytes, request.room, contextOf(card, request));
  };
  const inject = (request: ServiceRequest, good: Uint8Array): number => {
    const card = cards.get(request.apqn >>> 8);
    if (card === undefined) return request.bytes.length;
    return injectIntoReply(card, request.bytes, good, request.room, contextOf(card, request));
  };
  const ratedNs = (apqn: number, request: Uint8Array): number => {
    const card = cards.get(apqn >>> 8);
    return card === undefined
      ? 0
      : requestServiceNs(card.type, card.mode, request, { kind: 'rated' });
  };
  return { answer, inject, ratedNs };
};
