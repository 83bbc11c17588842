// SPDX-License-Identifier: Apache-2.0
// A source of messages for the reference driver: it builds requests, checks replies, and knows when it has sent enough.

/** Added to the length that `next` returns, to send the message as a special command (NQAP GR0 bit 41). */
export const SPECIAL_COMMAND = 0x40000000;
/** Result of `next`: nothing to send now; ask again after the next reply or scan. */
export const NO_MESSAGE_NOW = 0;
/** Result of `next`: nothing to send any more. */
export const NO_MORE_MESSAGES = -1;

/** Number of messages of a workload that is not given one. */
export const DEFAULT_MESSAGES = 1000;

/** What a workload may know of a queue, all of it from TAPQ. */
export interface WorkloadQueue {
  readonly apqn: number;
  /** Type as which the kernel drives the card. */
  readonly type: number;
  /** Facility word, TAPQ GR2 bits 0-31. */
  readonly functions: number;
  /** Longest message in bytes. */
  readonly maxMessageBytes: number;
  /** Highest number of messages under way. */
  readonly limit: number;
}

/** A source of messages. It has no state of its own: what it remembers for each queue is `State`, which is plain data. */
export interface Workload<State = unknown> {
  readonly name: string;
  /** State for a queue that has just got its driver. Throws ApemuError for wrong arguments. */
  init(args: Readonly<Record<string, unknown>>, queue: WorkloadQueue): State;
  /** Bytes to reserve for one request of this queue, at most `queue.maxMessageBytes`. */
  requestBytes(state: State, queue: WorkloadQueue): number;
  /** Builds the next request at `address` and returns its length, with SPECIAL_COMMAND or'ed in, or one of the constants. */
  next(state: State, storage: Uint8Array, address: number): number;
  /** Whether the reply is the right answer to the request, which is still where `next` put it. */
  check(
    state: State,
    storage: Uint8Array,
    request: number,
    requestBytes: number,
    reply: number,
    replyBytes: number,
  ): boolean;
  /**
   * Tells that a message ended without a valid answer. `again` is false if it was refused, and true if it was flushed and is to be sent
   * anew. `request` is as for `check`.
   */
  lost(state: State, again: boolean, request: number): void;
}
