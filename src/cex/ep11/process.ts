// SPDX-License-Identifier: Apache-2.0
// An EP11 coprocessor: type 6 with an EP11 CPRB in, type 86 out.
// Source: docs/reference/messages.md 2.4, 2.10, 2.13, 3.4, 8.2.
//
// CD-09 A payload that is no envelope of function, domain and octet strings is 82/40; a domain inside the payload that is not
// the CPRB's is 82/8A.

import { checkTarget, ep11Target } from '../domains.ts';
import { checkType6, errorReply } from '../frame.ts';
import { ascii, u16, u32 } from '../messages/bytes.ts';
import { readPayload } from '../messages/ep11.ts';
import {
  EP11_CPRB,
  EP11_CPRB_LENGTH,
  EP11_CPRB_VERSION,
  EP11_FLAG_SPECIAL,
  REQUEST_BLOCK,
  TYPE6_HEADER,
} from '../messages/headers.ts';
import {
  EP11,
  FILTERED_BY_HYPERVISOR,
  INVALID_DOMAIN_PENDING,
  INVALID_MSG_LEN,
  INVALID_SPECIAL_CMD,
  MALFORMED_MSG,
} from '../messages/reply-codes.ts';
import { FACILITY, has, type Work } from '../model.ts';
import { EP11_FUNCTIONS, EP11_HANDLERS } from './functions.ts';
import { ep11Reply } from './reply.ts';

/** API ordinal of a card without configuration. Source: messages.md 2.11. */
const DEFAULT_API_ORDINAL = 4;

function checkCprb(request: Uint8Array): number {
  const at = EP11_CPRB.at;
  const good =
    u16(request, REQUEST_BLOCK + at.length) === EP11_CPRB_LENGTH &&
    request[REQUEST_BLOCK + at.version] === EP11_CPRB_VERSION &&
    ascii(request, REQUEST_BLOCK + at.functionId, 2) === 'T4';
  if (!good) return MALFORMED_MSG;
  const room = u32(request, TYPE6_HEADER.at.toCardLength1) - EP11_CPRB_LENGTH;
  return u32(request, REQUEST_BLOCK + at.payloadLength) > room ? INVALID_MSG_LEN : 0;
}

function checkSpecial({ adapter, request, context }: Work): number {
  const wanted = (request[REQUEST_BLOCK + EP11_CPRB.at.flags] & EP11_FLAG_SPECIAL) !== 0;
  const allowed = context.special && has(adapter, FACILITY.special);
  return wanted && !allowed ? INVALID_SPECIAL_CMD : 0;
}

function check(work: Work): number {
  const { adapter, request, context } = work;
  return (
    checkType6(request, 'XC', EP11_CPRB_LENGTH, adapter.strict === true) ||
    checkCprb(request) ||
    checkTarget(ep11Target(request), context) ||
    checkSpecial(work)
  );
}

/** Answers a request to an EP11 coprocessor. */
export function processEp11(work: Work): number {
  const { adapter, request, reply } = work;
  const wrong = check(work);
  if (wrong !== 0) return errorReply(reply, wrong);
  const length = u32(request, REQUEST_BLOCK + EP11_CPRB.at.payloadLength);
  const payload = readPayload(request, REQUEST_BLOCK + EP11_CPRB_LENGTH, length);
  if (payload === undefined) return errorReply(reply, MALFORMED_MSG);
  if (payload.domain !== u32(request, REQUEST_BLOCK + EP11_CPRB.at.target)) {
    return errorReply(reply, INVALID_DOMAIN_PENDING);
  }
  const row = EP11_FUNCTIONS.find((f) => f.code === String(payload.functionId));
  if (has(adapter, FACILITY.restricted) && row?.clear !== true) {
    return errorReply(reply, FILTERED_BY_HYPERVISOR);
  }
  const call = { work, payload };
  const handler = EP11_HANDLERS[payload.functionId];
  const highest = adapter.apiOrdinal ?? DEFAULT_API_ORDINAL;
  if (handler === undefined || payload.ordinal === 0 || payload.ordinal > highest) {
    return ep11Reply(call, { rv: EP11.apiMismatch });
  }
  return ep11Reply(call, handler(call));
}
