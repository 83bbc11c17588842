// SPDX-License-Identifier: Apache-2.0
// A CCA coprocessor: type 6 with a CPRBX in, type 86 out.
// Source: docs/reference/messages.md 2.4, 2.5, 2.13, 3.3, 8.2.

import { ccaTarget, checkTarget } from '../domains.ts';
import { checkType6, errorReply } from '../frame.ts';
import { ascii, u16, u32 } from '../messages/bytes.ts';
import { readParameterBlock } from '../messages/cca.ts';
import {
  CPRBX,
  CPRBX_LENGTH,
  CPRBX_VERSION,
  REQUEST_BLOCK,
  REQUEST_PARAMETERS,
  TYPE6_HEADER,
} from '../messages/headers.ts';
import {
  CCA,
  FILTERED_BY_HYPERVISOR,
  INVALID_SPECIAL_CMD,
  MALFORMED_MSG,
} from '../messages/reply-codes.ts';
import { FACILITY, has, type Work } from '../model.ts';
import { CCA_FUNCTIONS, CCA_HANDLERS } from './functions.ts';
import { ccaReply } from './reply.ts';

/** Function ids a card knows. Source: messages.md 2.9. */
const USAGE_ID = 'T2';

/** Checks of the CPRBX; a reply code or 0. */
function checkCprbx(request: Uint8Array): number {
  const good =
    u16(request, REQUEST_BLOCK + CPRBX.at.length) === CPRBX_LENGTH &&
    request[REQUEST_BLOCK + CPRBX.at.version] === CPRBX_VERSION;
  return good ? 0 : MALFORMED_MSG;
}

/** Whether the message may run here: special bit, restricted function set. A reply code or 0. */
function checkFunction({ adapter, context }: Work, code: string): number {
  const row = CCA_FUNCTIONS.find((f) => f.code === code);
  if (row?.special && !(context.special && has(adapter, FACILITY.special))) {
    return INVALID_SPECIAL_CMD;
  }
  if (has(adapter, FACILITY.restricted) && row?.clear !== true) return FILTERED_BY_HYPERVISOR;
  return 0;
}

function check(work: Work, code: string): number {
  const { adapter, request, context } = work;
  return (
    checkType6(request, 'CA', CPRBX_LENGTH, adapter.strict === true) ||
    checkCprbx(request) ||
    checkTarget(ccaTarget(request), context) ||
    checkFunction(work, code)
  );
}

/** Answers a request to a CCA coprocessor. */
export function processCca(work: Work): number {
  const { request, reply } = work;
  const code = ascii(request, REQUEST_PARAMETERS, 2);
  const wrong = check(work, code);
  if (wrong !== 0) return errorReply(reply, wrong);
  const functionId = ascii(request, REQUEST_BLOCK + CPRBX.at.functionId, 2);
  const handler = functionId === USAGE_ID ? CCA_HANDLERS[code] : undefined;
  if (handler === undefined) return ccaReply(work, { code: CCA.unknownFunction });
  const length = u32(request, REQUEST_BLOCK + CPRBX.at.requestParameterLength);
  const room = u32(request, TYPE6_HEADER.at.toCardLength1) - CPRBX_LENGTH;
  const block = length > room ? undefined : readParameterBlock(request, REQUEST_PARAMETERS, length);
  if (block === undefined) return ccaReply(work, { code: CCA.inconsistent });
  const domain = u16(request, REQUEST_BLOCK + CPRBX.at.domain);
  return ccaReply(work, handler({ work, domain, block }));
}
