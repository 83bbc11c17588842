// SPDX-License-Identifier: Apache-2.0
// What comes with each response code. Arrays indexed by code, which an instance fills from the table's rows when it is loaded.
// Source: docs/reference/ap-architecture.md sections 1.10, 1.11 and 2.1, decision AD-12. Status: architected.
import { CC_RESPONSE, RESPONSE_CODES } from '../arch/response-codes.ts';
import { STATUS_ASYNC, STATUS_FLAGS } from '../arch/status-word.ts';

const RESPONSE_CODES_MAX = 256;

/** Condition code. A code without a row, which only a fault can bring, gets the condition code that most codes have. */
export const CONDITION_CODES = new Uint8Array(RESPONSE_CODES_MAX).fill(CC_RESPONSE);
/** Flags of the queue that the status word shows along with the code (AD-12). */
export const SHOWN_FLAGS = new Int32Array(RESPONSE_CODES_MAX);
/** Flags that come with the code itself: A with an asynchronous one. */
export const OWN_FLAGS = new Int32Array(RESPONSE_CODES_MAX);

for (const { code, cc, flags, async } of RESPONSE_CODES) {
  CONDITION_CODES[code] = cc;
  SHOWN_FLAGS[code] = flags ? STATUS_FLAGS : 0;
  OWN_FLAGS[code] = async ? STATUS_ASYNC : 0;
}
