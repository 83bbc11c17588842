// SPDX-License-Identifier: Apache-2.0
// The adapters' common entrance: one request in, one reply out, for all modes.
// Source: docs/reference/messages.md 8.1, 8.2; ap-architecture.md 4.4 (facility word).
import { processAccelerator } from './accelerator/process.ts';
import { processCca } from './cca/process.ts';
import { processEp11 } from './ep11/process.ts';
import { errorReply } from './frame.ts';
import { applyInjection, type InjectedReply } from './inject.ts';
import { processLoopback } from './loopback/process.ts';
import type { MasterKeys } from './master-keys.ts';
import { INVALID_MSG_LEN, MACHINE_FAILURE, PACKET_TRUNCATED } from './messages/reply-codes.ts';

/** What a card is configured as. Loopback is ours: it returns the request. */
export type AdapterMode = 'accelerator' | 'cca' | 'ep11' | 'loopback';

/** One adapter as its message processing sees it: plain data, so that a worker can be given a copy. */
export interface AdapterModel {
  /** Hardware type, 10 (CEX4) to 14 (CEX8). */
  readonly type: number;
  readonly mode: AdapterMode;
  /** Facility word, high word of TAPQ GR2; `FACILITY` names its bits. */
  readonly functions: number;
  /** Up to 8 characters (CCA) or 16 (EP11). */
  readonly serial: string;
  /** Master or wrapping keys of domains without a row in `domainMasterKeys`; default: one derived from serial and domain. */
  readonly masterKeys?: MasterKeys;
  readonly domainMasterKeys?: Readonly<Record<number, MasterKeys>>;
  /** Message limit in units of 4096 bytes, 0 to 15 (0: 12288); an EP11 card reports it. Default 0. */
  readonly ml?: number;
  /** EP11 API ordinal, default 4. */
  readonly apiOrdinal?: number;
  /** EP11 operating modes, low word of op_mode, default 0. */
  readonly operatingModes?: number;
  /** Refuses nonzero reserved bytes with 82/24 instead of ignoring them (messages.md 8.1 step 4). */
  readonly strict?: boolean;
}

/** Facility bits of the high word of TAPQ GR2. Source: ap-architecture.md 4.4. */
export const FACILITY = {
  special: 0x80000000,
  mex4k: 0x40000000,
  crt4k: 0x20000000,
  cca: 0x10000000,
  accelerator: 0x08000000,
  ep11: 0x04000000,
  apxa: 0x02000000,
  slcf: 0x01000000,
  full: 0x00800000,
  restricted: 0x00400000,
} as const;

/** Whether the adapter has a facility. */
export function has(adapter: AdapterModel, facility: number): boolean {
  return (adapter.functions & facility) !== 0;
}

/** What surrounds one request. */
export interface RequestContext {
  readonly apid: number;
  readonly apqi: number;
  /** Whether the sender may use `domain` (AQM). */
  usage(domain: number): boolean;
  /** Whether the sender may control `domain` (ADM). */
  control(domain: number): boolean;
  /** Fills `target` with random bytes. */
  random(target: Uint8Array): void;
  /** The special bit of NQAP. */
  readonly special: boolean;
  /** What to answer instead, or how to spoil the answer. */
  readonly inject?: InjectedReply;
  /** Longest reply the queue can hold: 4096 * ml, 12288 for ml 0. */
  readonly maxReplyBytes: number;
  /**
   * The sender's CPACF wrapping key (32 bytes) and its verification pattern (32 bytes), 64 bytes, for special commands;
   * without it they answer that wrapping is temporarily not possible (CD-08).
   */
  readonly wrappingKey?: Uint8Array;
  /** Lets injected replies through that crash or corrupt a Linux guest kernel; see `ReplyShape.danger`. Off by default. */
  readonly allowGuestDamage?: boolean;
}

/** A request at work: private copies, so that a guest cannot change what was checked, and request and reply may share memory. */
export interface Work {
  readonly adapter: AdapterModel;
  readonly request: Uint8Array;
  /** Draft of the reply, at least `DRAFT_BYTES` long; content is arbitrary before. */
  readonly reply: Uint8Array;
  readonly context: RequestContext;
}

/** Longest message of the architecture is 15 * 4096. Source: ap-architecture.md 4.5. */
const LONGEST_MESSAGE = 61440;
/** Room for a message and a spoiled reply. */
export const DRAFT_BYTES = 0x10000;

const PROCESSORS: Readonly<Record<AdapterMode, (work: Work) => number>> = {
  accelerator: processAccelerator,
  cca: processCca,
  ep11: processEp11,
  loopback: processLoopback,
};

const requestCopy = Buffer.alloc(DRAFT_BYTES);
const draft = Buffer.alloc(DRAFT_BYTES);
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
    // An error of ours must not reach the machine: a card that fails says so (MACHINE_FAILURE), and it is counted.
    failures++;
    return errorReply(work.reply, MACHINE_FAILURE);
  }
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
  const length = Math.min(request.length, DRAFT_BYTES);
  requestCopy.set(length === request.length ? request : request.subarray(0, length));
  const work: Work = {
    adapter,
    request: request.length > DRAFT_BYTES ? requestCopy : requestCopy.subarray(0, length),
    reply: draft,
    context,
  };
  let size = answer(work);
  if (context.inject !== undefined) size = applyInjection(work, size, context.inject);
  if (size > Math.min(reply.length, context.maxReplyBytes)) {
    size = errorReply(draft, PACKET_TRUNCATED);
  }
  reply.set(draft.subarray(0, size));
  // Requests carry keys: nothing of them stays behind.
  requestCopy.fill(0, 0, length);
  return size;
}
