// SPDX-License-Identifier: Apache-2.0
// Messages that pass a hypervisor on their way: which are let through, and the domain they name on either side.
// Source: docs/reference/vfio-ap.md section 8.3 (V-12); docs/reference/messages.md 2.4, 2.6, 2.10, 2.13.
import type { AdapterMode } from '../../native-like/arch/adapter-types.ts';
import { ACCELERATOR_FUNCTIONS } from './accelerator/functions.ts';
import { CCA_FUNCTIONS } from './cca/functions.ts';
import { requestTarget } from './domains.ts';
import { EP11_FUNCTIONS } from './ep11/functions.ts';
import type { FunctionRow } from './function-row.ts';
import { LOOPBACK_FUNCTIONS } from './loopback/functions.ts';
import { putU16, putU32, u16, u32 } from './messages/bytes.ts';
import { domainOffset } from './messages/ep11.ts';
import {
  CPRBX,
  EP11_CPRB,
  REPLY_BLOCK,
  REQUEST_BLOCK,
  TYPE_6,
  TYPE_86,
} from './messages/headers.ts';

import { requestFunction } from './request-function.ts';

const FUNCTIONS: Readonly<Record<AdapterMode, readonly FunctionRow[]>> = {
  accelerator: ACCELERATOR_FUNCTIONS,
  cca: CCA_FUNCTIONS,
  ep11: EP11_FUNCTIONS,
  loopback: LOOPBACK_FUNCTIONS,
};

/** Whether a request needs no key of a card and administers nothing: clear keys, random numbers, queries. */
export function isClearKey(mode: AdapterMode, request: Uint8Array): boolean {
  if (mode === 'loopback') return true;
  if (requestTarget(request)?.admin === true) return false;
  const code = requestFunction(mode, request);
  return FUNCTIONS[mode].some((row) => row.code === code && row.clear === true);
}

const replaceU16 = (bytes: Uint8Array, at: number, from: number, to: number): void => {
  if (at + 2 <= bytes.length && u16(bytes, at) === from) putU16(bytes, at, to);
};
const replaceU32 = (bytes: Uint8Array, at: number, from: number, to: number): void => {
  if (at + 4 <= bytes.length && u32(bytes, at) === from) putU32(bytes, at, to);
};

/**
 * Replaces domain `from` by `to` in a CCA or EP11 message, request or reply. Other messages are left alone. In an EP11 message, the
 * payload's own domain is changed together with that of the CPRB.
 */
export function translateDomain(
  mode: AdapterMode,
  message: Uint8Array,
  from: number,
  to: number,
): void {
  const block = message[1] === TYPE_6 ? REQUEST_BLOCK : message[1] === TYPE_86 ? REPLY_BLOCK : 0;
  if (block === 0 || from === to) return;
  if (mode === 'cca') replaceU16(message, block + CPRBX.at.domain, from, to);
  if (mode !== 'ep11') return;
  replaceU32(message, block + EP11_CPRB.at.target, from, to);
  const payload = domainOffset(message.subarray(Math.min(message.length, block + EP11_CPRB.size)));
  if (payload >= 0) replaceU32(message, block + EP11_CPRB.size + payload, from, to);
}
