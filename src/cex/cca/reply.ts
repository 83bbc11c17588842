// SPDX-License-Identifier: Apache-2.0
// CCA replies: header, CPRBX copied from the request, parameter block, data.
// Source: docs/reference/messages.md 2.5, 2.6, 2.7 (error shape), 3.3.

import { errorReply, fits, startReply } from '../frame.ts';
import { putU16, putU32 } from '../messages/bytes.ts';
import type { ParameterBlock } from '../messages/cca.ts';
import {
  CPRBX,
  CPRBX_LENGTH,
  CPRBX_VERSION,
  REPLY_BLOCK,
  REPLY_PARAMETERS,
  REQUEST_BLOCK,
  REQUEST_PARAMETERS,
} from '../messages/headers.ts';
import { type CcaCode, PACKET_TRUNCATED } from '../messages/reply-codes.ts';
import type { Work } from '../model.ts';

/** What a function answers: a code, and with code 0/0 any of the parts. */
export interface CcaAnswer {
  readonly code: CcaCode;
  /** Rule array bytes, a multiple of 8. */
  readonly rules?: Uint8Array;
  readonly vud?: Uint8Array;
  readonly keys?: Uint8Array;
  readonly data?: Uint8Array;
}

/** The input of a function. */
export interface CcaCall {
  readonly work: Work;
  readonly domain: number;
  readonly block: ParameterBlock;
}

/** A function of the card. */
export type CcaHandler = (call: CcaCall) => CcaAnswer;

const NONE = new Uint8Array(0);

/**
 * Writes the reply and returns its length; 82/A0 if it exceeds the room the request grants. The CPRBX is the request's with
 * version, lengths and codes set (messages.md 10: echo).
 */
export function ccaReply(work: Work, answer: CcaAnswer): number {
  const { request, reply } = work;
  const { rules = NONE, vud = NONE, keys = NONE, data = NONE } = answer;
  const parameters = 8 + rules.length + vud.length + keys.length;
  const count1 = CPRBX_LENGTH + parameters;
  if (!fits(request, count1, data.length)) return errorReply(reply, PACKET_TRUNCATED);
  const length = startReply(reply, count1, data.length);
  reply.set(request.subarray(REQUEST_BLOCK, REQUEST_PARAMETERS), REPLY_BLOCK);
  const at = CPRBX.at;
  reply[REPLY_BLOCK + at.version] = CPRBX_VERSION;
  putU32(reply, REPLY_BLOCK + at.replyParameterLength, parameters);
  putU32(reply, REPLY_BLOCK + at.replyDataLength, data.length);
  putU16(reply, REPLY_BLOCK + at.returnCode, answer.code.rc);
  putU16(reply, REPLY_BLOCK + at.reasonCode, answer.code.rs);
  reply.set(request.subarray(REQUEST_PARAMETERS, REQUEST_PARAMETERS + 2), REPLY_PARAMETERS);
  let next = REPLY_PARAMETERS + 2;
  for (const part of [rules, vud, keys]) {
    putU16(reply, next, 2 + part.length);
    reply.set(part, next + 2);
    next += 2 + part.length;
  }
  reply.set(data, next);
  return length;
}
