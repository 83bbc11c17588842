// SPDX-License-Identifier: Apache-2.0
// Loopback: the reply is the request. Ours, for transport tests; no Linux driver takes such a card.
import type { Work } from '../model.ts';

/** Answers with the request's own bytes. */
export function processLoopback(work: Work): number {
  work.reply.set(work.request);
  return work.request.length;
}
