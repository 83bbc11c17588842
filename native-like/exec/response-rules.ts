// SPDX-License-Identifier: Apache-2.0
// What comes with a response code, by code: arrays that an instance fills from the table's rows when it is loaded.
// Source: docs/reference/ap-architecture.md sections 1.10, 1.11 and 2.1, decision AD-12. Status: architected.
import { CC_RESPONSE, RESPONSE_CODES } from '../arch/response-codes.ts';
import { STATUS_ASYNC, STATUS_FLAGS } from '../arch/status-word.ts';

const RESPONSE_CODES_MAX = 256;

/** Condition code. A code that is not in the table, which only a fault can bring, is like most others. */
export const CONDITION_CODES = new Uint8Array(RESPONSE_CODES_MAX).fill(CC_RESPONSE);
/** Flags of the queue that the status word shows with the code (AD-12). */
export const SHOWN_FLAGS = new Int32Array(RESPONSE_CODES_MAX);
/** Flag that comes with the code itself: A with an asynchronous one. */
export const OWN_FLAGS = new Int32Array(RESPONSE_CODES_MAX);

for (const { code, cc, flags, async } of RESPONSE_CODES) {
  CONDITION_CODES[code] = cc;
  SHOWN_FLAGS[code] = flags ? STATUS_FLAGS : 0;
  OWN_FLAGS[code] = async ? STATUS_ASYNC : 0;
}
