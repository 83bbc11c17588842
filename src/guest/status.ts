// SPDX-License-Identifier: Apache-2.0
// Reads an AP queue status word (GR1 bits 32-63), which is kept as a signed 32-bit number.
// Source: docs/reference/ap-architecture.md section 1.10 (Linux asm/ap.h, struct ap_queue_status).

import {
  STATUS_ASYNC,
  STATUS_EMPTY,
  STATUS_FULL,
  STATUS_IRQ,
  STATUS_RC_MASK,
  STATUS_RC_SHIFT,
  STATUS_REPLIES,
} from '../../native-like/arch/status-word.ts';

/**
 * Response code that a wrapper makes up for DQAP if the reply did not fit into the buffer (section 1.9 point 3). A machine never returns
 * it.
 */
export const RC_REPLY_LARGER = 0xff;
/** Status that a wrapper returns for DQAP if the reply did not fit into the buffer. */
export const STATUS_REPLY_LARGER = RC_REPLY_LARGER << STATUS_RC_SHIFT;
/** Status a wrapper returns when the instruction ended in a program interruption: all reserved bits on, response code FE. */
export const STATUS_PROGRAM_INTERRUPTION = 0x1cfeffff;

/** Response code, bits 40-47. */
export const rc = (status: number): number => (status & STATUS_RC_MASK) >>> STATUS_RC_SHIFT;
/** E, bit 32: neither a request nor a reply in the queue. */
export const queueEmpty = (status: number): boolean => (status & STATUS_EMPTY) !== 0;
/** R, bit 33: at least one reply can be dequeued. */
export const repliesWaiting = (status: number): boolean => (status & STATUS_REPLIES) !== 0;
/** F, bit 34: the queue accepts no request. */
export const queueFull = (status: number): boolean => (status & STATUS_FULL) !== 0;
/** A, bit 38: the response code is an asynchronous error. */
export const asyncError = (status: number): boolean => (status & STATUS_ASYNC) !== 0;
/** I, bit 39: interruptions enabled. */
export const irqEnabled = (status: number): boolean => (status & STATUS_IRQ) !== 0;
