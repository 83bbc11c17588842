// SPDX-License-Identifier: Apache-2.0
// What sends messages through the reference driver: builds requests, checks replies, knows when it has had enough.

/** Added to the length that `next` returns: send the message as a special command (NQAP GR0 bit 41). */
export const SPECIAL_COMMAND = 0x40000000;
/** `next`: nothing to send now, ask again after the next reply or scan. */
export const NO_MESSAGE_NOW = 0;
/** `next`: nothing to send any more. */
export const NO_MORE_MESSAGES = -1;

/** Messages of a workload that is not told how many. */
export const DEFAULT_MESSAGES = 1000;

/** What a workload may know of a queue, all from TAPQ. */
export interface WorkloadQueue {
  readonly apqn: number;
  /** Type number the kernel treats the card as. */
  readonly type: number;
  /** Facility word, TAPQ GR2 bits 0-31. */
  readonly functions: number;
  /** Longest message in bytes. */
  readonly maxMessageBytes: number;
  /** Most messages in flight. */
  readonly limit: number;
}

/** A source of messages. It has no state of its own: what it remembers per queue is `State`, plain data. */
export interface Workload<State = unknown> {
  readonly name: string;
  /** Remembered state for a queue that has just got its driver. Wrong arguments are an ApemuError. */
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
  /** A message ended without an answer that counts: refused (`again` false) or flushed, to be sent anew (`again` true); `request` as for `check`. */
  lost(state: State, again: boolean, request: number): void;
}
