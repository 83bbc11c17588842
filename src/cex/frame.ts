// SPDX-License-Identifier: Apache-2.0
// What all modes share: error replies, the checks of a type 6 header, the start of a type 86 reply.
// Source: docs/reference/messages.md 0.2 (rules 1, 2, 4), 2.3, 2.4, 2.6, 8.1.

import { encode } from './messages/byte-layout.ts';
import { ascii, u32 } from './messages/bytes.ts';
import {
  ERROR_HEADER,
  ERROR_REPLY_LENGTH,
  REPLY_BLOCK,
  REQUEST_BLOCK,
  TYPE_6,
  TYPE_82,
  TYPE_86,
  TYPE6_HEADER,
  TYPE86_HEADER,
} from './messages/headers.ts';
import {
  INVALID_MSG_LEN,
  MALFORMED_MSG,
  MESSAGE_MALFORMED,
  MESSAGE_TYPE,
  RESERVED_FIELD,
} from './messages/reply-codes.ts';

/** Length in bytes of the shortest message that has a type. */
const SHORTEST = 8;

/** Writes an error reply of 8 bytes and returns its length (rule 4). */
export function errorReply(reply: Uint8Array, code: number, type: number = TYPE_82): number {
  reply.fill(0, 0, ERROR_REPLY_LENGTH);
  encode(ERROR_HEADER, reply, 0, { type, code });
  return ERROR_REPLY_LENGTH;
}

/** The reply code of a message that is not of `type`, 0 if it is. */
export function checkType(request: Uint8Array, type: number): number {
  return request.length < SHORTEST || request[1] !== type ? MESSAGE_TYPE : 0;
}

const TYPE6_RESERVED: readonly (readonly [number, number])[] = [
  [0, 1],
  [2, 16],
  [24, 32],
  [50, 52],
  [64, 72],
  [80, 88],
];

function anyNonzero(bytes: Uint8Array, ranges: readonly (readonly [number, number])[]): boolean {
  for (const [from, to] of ranges) {
    for (let i = from; i < to; i++) if (bytes[i] !== 0) return true;
  }
  return false;
}

/**
 * Checks the type 6 header (messages.md 2.4, 8.1): type, lengths, agent. Returns a reply code or 0.
 * CD-13: bytes after the declared parts are accepted, the passthrough ioctl pads to 4; missing ones never.
 * @param least smallest control block: the CPRB.
 */
export function checkType6(
  request: Uint8Array,
  agent: string,
  least: number,
  strict: boolean,
): number {
  const wrong = checkType(request, TYPE_6);
  if (wrong !== 0) return wrong;
  const h = TYPE6_HEADER.at;
  const length = request.length;
  if (length < REQUEST_BLOCK + least) return INVALID_MSG_LEN;
  if (u32(request, h.offset1) !== REQUEST_BLOCK) return MESSAGE_MALFORMED;
  const block = u32(request, h.toCardLength1);
  const data = u32(request, h.toCardLength2);
  const dataAt = u32(request, h.offset2);
  if (block < least || REQUEST_BLOCK + block > length) return INVALID_MSG_LEN;
  if (data > 0 && (dataAt < REQUEST_BLOCK + block || dataAt + data > length)) {
    return INVALID_MSG_LEN;
  }
  if (strict && anyNonzero(request, TYPE6_RESERVED)) return RESERVED_FIELD;
  return ascii(request, h.agent, 2) === agent ? 0 : MALFORMED_MSG;
}

/**
 * Writes the type 86 header for a control block of `count1` and data of `count2` bytes and zeroes the rest of the reply;
 * returns the reply's length (rules 1 and 2).
 */
export function startReply(reply: Uint8Array, count1: number, count2: number): number {
  const length = REPLY_BLOCK + count1 + count2;
  reply.fill(0, 0, length);
  encode(TYPE86_HEADER, reply, 0, {
    type: TYPE_86,
    format: 2,
    count1,
    offset1: REPLY_BLOCK,
    count2,
    offset2: REPLY_BLOCK + count1,
  });
  return length;
}

/** Whether a reply fits the room the type 6 header grants (fromcardlen1/2). */
export function fits(request: Uint8Array, count1: number, count2: number): boolean {
  const h = TYPE6_HEADER.at;
  return (
    count1 <= u32(request, h.fromCardLength1) &&
    (count2 === 0 || count2 <= u32(request, h.fromCardLength2))
  );
}
