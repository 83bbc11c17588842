// SPDX-License-Identifier: Apache-2.0
// EP11 key blobs: AES keys wrapped under the domain's wrapping key.
// Source: docs/reference/messages.md 4.3 (layout), 3.4 (return values).
//
// CD-10 Inside the encrypted 144 bytes, which no guest reads: u32 key type, u16 key bytes, the key, zeros; AES-256-CBC without
// padding under the wrapping key, IV = the 14 bytes of the blob and two zeros. MAC: HMAC-SHA-256 over the first 224 bytes with
// SHA-256("mac" || wrapping key).
import { createCipheriv, createDecipheriv, createHash, createHmac } from 'node:crypto';
import { pattern, registers } from '../master-keys.ts';
import { encode } from '../messages/byte-layout.ts';
import { putU16, putU32, sameBytes, u16, u32 } from '../messages/bytes.ts';
import { EP11_KEY_BLOB } from '../messages/ep11.ts';
import { EP11 } from '../messages/reply-codes.ts';
import type { AdapterModel } from '../model.ts';

/** PKCS#11 key type CKK_AES. */
export const KEY_TYPE_AES = 0x1f;
/** Version of a key blob. */
const BLOB_VERSION = 0x1234;
/** Optional header before a blob. Source: messages.md 4.3. */
const BLOB_HEADER = 16;

/**
 * Attribute bits. The kernel's constants name the pairs only (0x0C00 encrypt and decrypt, 0x6000 wrap and unwrap), so a pair
 * is allowed when one of its bits is set.
 */
export const ATTRIBUTE = { crypt: 0x0c00, wrap: 0x6000, protectedKey: 0x00200000 } as const;

/** A key as it is after its blob was decrypted and checked. */
export interface BlobKey {
  readonly clear: Uint8Array;
  readonly attributes: number;
}

function wrappingKey(adapter: AdapterModel, domain: number): Uint8Array | undefined {
  return registers(adapter, domain, 'wk').current?.key;
}

function mac(wk: Uint8Array, blob: Uint8Array): Uint8Array {
  const key = createHash('sha256').update('mac').update(wk).digest();
  return createHmac('sha256', key).update(blob.subarray(0, EP11_KEY_BLOB.at.mac)).digest();
}

function blobIv(blob: Uint8Array): Uint8Array {
  const iv = new Uint8Array(16);
  iv.set(blob.subarray(EP11_KEY_BLOB.at.iv, EP11_KEY_BLOB.at.iv + 14));
  return iv;
}

/** Makes the blob of an AES key; a return value if the domain has no wrapping key. */
export function makeBlob(
  adapter: AdapterModel,
  domain: number,
  key: BlobKey,
  random: (target: Uint8Array) => void,
): Uint8Array | number {
  const wk = wrappingKey(adapter, domain);
  if (wk === undefined) return EP11.wkNotInitialized;
  const at = EP11_KEY_BLOB.at;
  const blob = new Uint8Array(EP11_KEY_BLOB.size);
  const shown = pattern('wk', registers(adapter, domain, 'wk').current);
  encode(EP11_KEY_BLOB, blob, 0, { wkId: shown.subarray(0, 16), version: BLOB_VERSION });
  putU32(blob, at.attributes + 4, key.attributes);
  random(blob.subarray(at.iv, at.iv + 14));
  const text = new Uint8Array(144);
  putU32(text, 0, KEY_TYPE_AES);
  putU16(text, 4, key.clear.length);
  text.set(key.clear, 6);
  const cipher = createCipheriv('aes-256-cbc', wk, blobIv(blob)).setAutoPadding(false);
  blob.set(cipher.update(text), at.encrypted);
  text.fill(0);
  blob.set(mac(wk, blob), at.mac);
  return blob;
}

/** Opens a blob, with or without its 16-byte header; a return value if it is not good here. */
export function openBlob(
  adapter: AdapterModel,
  domain: number,
  bytes: Uint8Array,
): BlobKey | number {
  const at = EP11_KEY_BLOB.at;
  const header = bytes.length === EP11_KEY_BLOB.size + BLOB_HEADER ? BLOB_HEADER : 0;
  const blob = bytes.subarray(header);
  if (blob.length !== EP11_KEY_BLOB.size || u16(blob, at.version) !== BLOB_VERSION) {
    return EP11.blobError;
  }
  const wk = wrappingKey(adapter, domain);
  if (wk === undefined) return EP11.wkNotInitialized;
  const shown = pattern('wk', registers(adapter, domain, 'wk').current);
  if (!sameBytes(blob.subarray(at.wkId, at.wkId + 16), shown.subarray(0, 16))) {
    return EP11.wkidMismatch;
  }
  if (!sameBytes(mac(wk, blob), blob.subarray(at.mac))) return EP11.blobError;
  const cipher = createDecipheriv('aes-256-cbc', wk, blobIv(blob)).setAutoPadding(false);
  const text = cipher.update(blob.subarray(at.encrypted, at.encrypted + 144));
  return {
    clear: text.subarray(6, 6 + u16(text, 4)),
    attributes: u32(blob, at.attributes + 4),
  };
}
