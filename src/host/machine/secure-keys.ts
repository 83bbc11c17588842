// SPDX-License-Identifier: Apache-2.0
// Random keys that the host has its cards make: tokens under a domain's master key, which its guests' requests can use too.
// Source: docs/reference/messages.md 4.2, 4.3; Linux 6.12, drivers/s390/crypto/zcrypt_ep11misc.h (struct ep11kblob_header).
import { createHash } from 'node:crypto';
import type { SecureKey } from '../../ap-bus/zcrypt-requests.ts';
import { COMPLETE, currentKey, makeCipherToken, makeDataToken } from '../../cex/cca/tokens.ts';
import { ATTRIBUTE, makeBlob } from '../../cex/ep11/blob.ts';
import { putU16 } from '../../cex/messages/bytes.ts';
import { cipherSkeleton } from '../../cex/messages/tokens.ts';
import type { Card } from '../context/card-models.ts';

/** What of the wrapping key of the host's processors can be seen (VD-74). */
export const WRAPPING_PATTERN: Uint8Array = createHash('sha256')
  .update('wrapping key of the host')
  .digest();

/** What a kernel allows of its own EP11 keys (KEY_ATTR_DEFAULTS). */
const EP11_ATTRIBUTES = ATTRIBUTE.protectedKey | ATTRIBUTE.crypt;
const EP11_HEAD_BYTES = 16;
/** TOKVER_EP11_AES_WITH_HEADER. */
const EP11_VERSION = 6;

interface KeyWish {
  readonly kind: SecureKey;
  readonly bits: number;
  readonly random: (target: Uint8Array) => void;
}

/** A new AES key; undefined if the domain has no master key. */
export function makeKey(card: Card, apqi: number, wish: KeyWish): Uint8Array | undefined {
  const { kind, bits, random } = wish;
  const clear = new Uint8Array(bits / 8);
  random(clear);
  if (kind === 'ep11') return ep11Key(card, apqi, clear, random);
  const master = currentKey(card, apqi);
  if (master === undefined) return undefined;
  if (kind === 'ccadata') return makeDataToken(master, clear);
  const key = { clear, parts: COMPLETE, least: 0 };
  return makeCipherToken(master, cipherSkeleton(), key, random);
}

/** A blob behind the header in which the kernel says how long it and the key are. */
function ep11Key(
  card: Card,
  apqi: number,
  clear: Uint8Array,
  random: KeyWish['random'],
): Uint8Array | undefined {
  const blob = makeBlob(card, apqi, { clear, attributes: EP11_ATTRIBUTES }, random);
  if (typeof blob === 'number') return undefined;
  const token = new Uint8Array(EP11_HEAD_BYTES + blob.length);
  putU16(token, 2, token.length);
  token[4] = EP11_VERSION;
  putU16(token, 6, 8 * clear.length);
  token.set(blob, EP11_HEAD_BYTES);
  return token;
}
