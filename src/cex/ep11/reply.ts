// SPDX-License-Identifier: Apache-2.0
// EP11 replies: header, CPRB copied from the request, payload.
// Source: docs/reference/messages.md 2.10, 2.11 (rule 9: long forms), 3.4.

import { errorReply, fits, startReply } from '../frame.ts';
import { putU32 } from '../messages/bytes.ts';
import { type Ep11Payload, putPayload, u32Argument } from '../messages/ep11.ts';
import {
  EP11_CPRB,
  EP11_CPRB_LENGTH,
  EP11_CPRB_VERSION,
  REPLY_BLOCK,
  REQUEST_BLOCK,
} from '../messages/headers.ts';
import { EP11, PACKET_TRUNCATED } from '../messages/reply-codes.ts';
import type { Work } from '../model.ts';

/** What a function answers: a return value, and with 0 its data. */
export interface Ep11Answer {
  readonly rv: number;
  readonly data?: Uint8Array;
  /** ret_code of the CPRB, default 0. */
  readonly returnCode?: number;
}

/** The input of a function. */
export interface Ep11Call {
  readonly work: Work;
  readonly payload: Ep11Payload;
}

/** A function of the card. */
export type Ep11Handler = (call: Ep11Call) => Ep11Answer;

/** Bytes of a payload head in long form: envelope 4, function 6, domain 6, return code 6, data head 4. */
const LONG_HEAD = 26;
/** Payload of an error: `30 12`, function, domain, return code. */
const ERROR_PAYLOAD = 20;

/** Writes the reply and returns its length; 82/A0 if it exceeds the room the request grants. */
export function ep11Reply({ work, payload }: Ep11Call, answer: Ep11Answer): number {
  const { request, reply } = work;
  const good = answer.rv === EP11.ok;
  const data = answer.data ?? new Uint8Array(0);
  const length = good ? LONG_HEAD + data.length : ERROR_PAYLOAD;
  const count1 = EP11_CPRB_LENGTH + length;
  if (!fits(request, count1, 0)) return errorReply(reply, PACKET_TRUNCATED);
  const total = startReply(reply, count1, 0);
  reply.set(request.subarray(REQUEST_BLOCK, REQUEST_BLOCK + EP11_CPRB_LENGTH), REPLY_BLOCK);
  reply[REPLY_BLOCK + EP11_CPRB.at.version] = EP11_CPRB_VERSION;
  putU32(reply, REPLY_BLOCK + EP11_CPRB.at.returnCode, answer.returnCode ?? 0);
  putU32(reply, REPLY_BLOCK + EP11_CPRB.at.payloadLength, length);
  const rv = u32Argument(answer.rv);
  putPayload(
    reply,
    REPLY_BLOCK + EP11_CPRB_LENGTH,
    { ...payload, body: good ? [rv, data] : [rv] },
    { longEnvelope: good, longLast: good },
  );
  return total;
}
