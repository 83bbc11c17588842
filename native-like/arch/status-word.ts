// SPDX-License-Identifier: Apache-2.0
// The queue status word: GR1 bits 32-63 after every function except QCI.
// Source: docs/reference/ap-architecture.md section 1.10, decision AD-12.
// Status: architected.

/** Bit 32, E: no request and no reply in the queue. */
export const STATUS_EMPTY = 0x80000000 | 0;
/** Bit 33, R: at least one reply can be dequeued. */
export const STATUS_REPLIES = 0x40000000;
/** Bit 34, F: number of messages equals the depth. */
export const STATUS_FULL = 0x20000000;
/** Bit 38, A: the response code is an asynchronous error. */
export const STATUS_ASYNC = 0x02000000;
/** Bit 39, I: interruptions enabled. */
export const STATUS_IRQ = 0x01000000;
/** Bits 40-47: response code. */
export const STATUS_RC_MASK = 0x00ff0000;
export const STATUS_RC_SHIFT = 16;
/** Bits 35-37 and 48-63. */
export const STATUS_RESERVED = 0x1c00ffff;
/** The flags that show the state of a queue, without A. */
export const STATUS_FLAGS = STATUS_EMPTY | STATUS_REPLIES | STATUS_FULL | STATUS_IRQ;

export interface FieldRow {
  readonly name: string;
  /** First and last bit of the 64-bit register, z numbering. */
  readonly bits: readonly [first: number, last: number];
  readonly meaning: string;
  readonly source: string;
}

export const STATUS_FIELDS: readonly FieldRow[] = [
  { name: 'E', bits: [32, 32], meaning: 'queue empty', source: '1.10' },
  { name: 'R', bits: [33, 33], meaning: 'replies waiting', source: '1.10' },
  { name: 'F', bits: [34, 34], meaning: 'queue full', source: '1.10' },
  { name: 'A', bits: [38, 38], meaning: 'response code is an asynchronous error', source: '1.10' },
  { name: 'I', bits: [39, 39], meaning: 'interruptions enabled', source: '1.10' },
  { name: 'RC', bits: [40, 47], meaning: 'response code', source: '1.10' },
];

/** Response code of a status word. */
export const responseCode = (status: number): number =>
  (status & STATUS_RC_MASK) >>> STATUS_RC_SHIFT;
