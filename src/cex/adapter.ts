// SPDX-License-Identifier: Apache-2.0
// The adapters' common entrance: one request in, one reply out, for all modes.
// Source: docs/reference/messages.md 8.1, 8.2.
import type { AdapterMode } from '../../native-like/arch/adapter-types.ts';
import { processAccelerator } from './accelerator/process.ts';
import { processCca } from './cca/process.ts';
import { processEp11 } from './ep11/process.ts';
import { errorReply } from './frame.ts';
import { applyInjection } from './inject.ts';
import { processLoopback } from './loopback/process.ts';
import { INVALID_MSG_LEN, MACHINE_FAILURE, PACKET_TRUNCATED } from './messages/reply-codes.ts';
import { type AdapterModel, DRAFT_BYTES, type RequestContext, type Work } from './model.ts';

export * from './model.ts';

/** Longest message of the architecture is 15 * 4096. Source: ap-architecture.md 4.5. */
const LONGEST_MESSAGE = 61440;
const PROCESSORS: Readonly<Record<AdapterMode, (work: Work) => number>> = {
  accelerator: processAccelerator,
  cca: processCca,
  ep11: processEp11,
  loopback: processLoopback,
};

const requestCopy = new Uint8Array(DRAFT_BYTES);
const draft = new Uint8Array(DRAFT_BYTES);
let failures = 0;

/** Requests that ended in 82/10 because this program failed, not the request; tests require 0. */
export function internalFailures(): number {
  return failures;
}

function answer(work: Work): number {
  if (work.request.length === 0 || work.request.length > LONGEST_MESSAGE) {
    return errorReply(work.reply, INVALID_MSG_LEN);
  }
  try {
    return PROCESSORS[work.adapter.mode](work);
  } catch {
    // An exception in apemu must not reach the machine. The card answers with a failure (MACHINE_FAILURE), and it is counted.
    failures++;
    return errorReply(work.reply, MACHINE_FAILURE);
  }
}

/** A request at work: a copy of it, and room for a draft of the reply. */
function workOn(adapter: AdapterModel, request: Uint8Array, context: RequestContext): Work {
  const length = Math.min(request.length, DRAFT_BYTES);
  requestCopy.set(length === request.length ? request : request.subarray(0, length));
  return { adapter, request: requestCopy.subarray(0, length), reply: draft, context };
}

/** Injects what is to be injected into the draft of `size` bytes and hands it over as the reply. Returns its length. */
function handOver(work: Work, size: number, reply: Uint8Array): number {
  const { inject, maxReplyBytes } = work.context;
  let length = inject === undefined ? size : applyInjection(work, size, inject);
  if (length > Math.min(reply.length, maxReplyBytes)) length = errorReply(draft, PACKET_TRUNCATED);
  reply.set(draft.subarray(0, length));
  // Requests carry keys: nothing of them stays behind.
  requestCopy.fill(0, 0, work.request.length);
  return length;
}

/**
 * Answers one request. Writes the reply into `reply` and returns its length; `request` and `reply` may be the same memory.
 * Never throws for any request bytes. Not reentrant, one call at a time per thread (it is synchronous).
 */
export function processRequest(
  adapter: AdapterModel,
  request: Uint8Array,
  reply: Uint8Array,
  context: RequestContext,
): number {
  const work = workOn(adapter, request, context);
  return handOver(work, answer(work), reply);
}

/**
 * Injects into a reply that a request got before: the same as `processRequest` with `context.inject`, without the arithmetic.
 * `good` is that reply, as it was without an injection.
 */
export function injectIntoReply(
  adapter: AdapterModel,
  request: Uint8Array,
  good: Uint8Array,
  reply: Uint8Array,
  context: RequestContext,
): number {
  const work = workOn(adapter, request, context);
  draft.set(good);
  return handOver(work, good.length, reply);
}
