// SPDX-License-Identifier: Apache-2.0
// Takes the queue status word apart and puts it together. It has 4 bytes, which are in GR1 bits 32-63.
// Source: docs/reference/ap-architecture.md section 1.10 (Linux asm/ap.h, struct ap_queue_status).
// Status: architected.
import {
  responseCode,
  STATUS_ASYNC,
  STATUS_EMPTY,
  STATUS_FULL,
  STATUS_IRQ,
  STATUS_RC_SHIFT,
  STATUS_REPLIES,
} from '../arch/status-word.ts';
import { assertBytes, assertLayout, type BlockField, viewOf } from './block.ts';

const STATUS_BYTES = 4;

const STATUS_LAYOUT: readonly BlockField[] = [
  { name: 'flags', offset: 0, bytes: 1, meaning: 'E R F, three reserved bits, A, I' },
  { name: 'RC', offset: 1, bytes: 1, meaning: 'response code' },
  { name: 'reserved', offset: 2, bytes: 2, meaning: 'zero' },
];
assertLayout('status word', STATUS_BYTES, STATUS_LAYOUT);

/** A status word's content. Reserved bits are zero. */
export interface StatusWord {
  readonly empty: boolean;
  readonly replies: boolean;
  readonly full: boolean;
  readonly async: boolean;
  readonly irq: boolean;
  /** Response code, 0 to 0xFF. */
  readonly rc: number;
}

/** The word, as a signed 32-bit number. */
export const statusWord = (status: StatusWord): number =>
  (status.empty ? STATUS_EMPTY : 0) |
  (status.replies ? STATUS_REPLIES : 0) |
  (status.full ? STATUS_FULL : 0) |
  (status.async ? STATUS_ASYNC : 0) |
  (status.irq ? STATUS_IRQ : 0) |
  ((status.rc & 0xff) << STATUS_RC_SHIFT);

/** What a word says; reserved bits are not looked at. */
export const statusOf = (word: number): StatusWord => ({
  empty: (word & STATUS_EMPTY) !== 0,
  replies: (word & STATUS_REPLIES) !== 0,
  full: (word & STATUS_FULL) !== 0,
  async: (word & STATUS_ASYNC) !== 0,
  irq: (word & STATUS_IRQ) !== 0,
  rc: responseCode(word),
});

/** Makes the four architected bytes. */
export const produceStatus = (status: StatusWord): Uint8Array => {
  const bytes = new Uint8Array(STATUS_BYTES);
  viewOf(bytes).setInt32(0, statusWord(status));
  return bytes;
};

/** Reads the four architected bytes. */
export const readStatus = (bytes: Uint8Array): StatusWord => {
  assertBytes('status word', bytes, STATUS_BYTES);
  return statusOf(viewOf(bytes).getInt32(0));
};
