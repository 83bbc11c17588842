// SPDX-License-Identifier: Apache-2.0
// Secure to protected keys, the special commands US (AES DATA) and AU (AES CIPHER).
// Source: docs/reference/messages.md 2.13, 4.2.

import { encode } from '../messages/byte-layout.ts';
import { putU16, u16 } from '../messages/bytes.ts';
import { CCA } from '../messages/reply-codes.ts';
import { AES_CIPHER_TOKEN, CPACF_KEY_BLOCK, EXPORT_CPACF } from '../messages/tokens.ts';
import { usableWrapping, WRAPPING_HALF, wrapProtectedKey } from '../protected-key.ts';
import type { CcaAnswer, CcaCall } from './reply.ts';
import { COMPLETE, isCode, openCipherToken, openDataToken } from './tokens.ts';

/** Tag of the protected key in AU's reply. */
const TAG_PROTECTED = 0x00c2;
const ALGORITHM_AES = 0x02;

/**
 * The reply's VUD: length, tag, CPACF key block.
 * CD-08 Without a wrapping key in the context (a guest without emulated CPACF) the answer is 8/2290, "temporarily not possible".
 */
function protectedAnswer({ work }: CcaCall, clear: Uint8Array, tag: number): CcaAnswer {
  const { wrappingKey } = work.context;
  if (!usableWrapping(wrappingKey)) return { code: CCA.wrapUnavailable };
  const key = wrapProtectedKey(clear, wrappingKey);
  const vud = new Uint8Array(4 + CPACF_KEY_BLOCK.size);
  putU16(vud, 0, vud.length);
  putU16(vud, 2, tag);
  encode(CPACF_KEY_BLOCK, vud, 4, {
    version: 1,
    algorithm: ALGORITHM_AES,
    length: key.length,
    key,
    attributeLength: 32,
    pattern: wrappingKey.subarray(WRAPPING_HALF),
  });
  return { code: CCA.ok, vud };
}

/** The token in the first entry of the key block: u16 length with itself and flags, u16 flags, bytes. */
function firstToken(keys: Uint8Array): Uint8Array | undefined {
  const length = u16(keys, 0);
  return length < 4 || length > keys.length ? undefined : keys.subarray(4, length);
}

/** `US`: an AES DATA token becomes a protected key. */
export function dataToProtected(call: CcaCall): CcaAnswer {
  if (call.block.rules.length !== 0) return { code: CCA.ruleCount };
  const token = firstToken(call.block.keys);
  if (token === undefined) return { code: CCA.inconsistent };
  const clear = openDataToken(call.work.adapter, call.domain, token);
  if (isCode(clear)) return { code: clear };
  return protectedAnswer(call, clear, 0);
}

/** `AU`: an AES CIPHER token becomes a protected key, if the token allows it. */
export function cipherToProtected(call: CcaCall): CcaAnswer {
  if (call.block.rules.length !== 1) return { code: CCA.ruleCount };
  if (call.block.rules[0] !== 'EXPT-SK ') return { code: CCA.keyword };
  const token = firstToken(call.block.keys);
  if (token === undefined) return { code: CCA.inconsistent };
  const key = openCipherToken(call.work.adapter, call.domain, token);
  if (isCode(key)) return { code: key };
  const allowed = (u16(token, AES_CIPHER_TOKEN.at.usage) & EXPORT_CPACF) !== 0;
  if (key.parts !== COMPLETE || !allowed) return { code: CCA.badToken };
  return protectedAnswer(call, key.clear, TAG_PROTECTED);
}
