// SPDX-License-Identifier: Apache-2.0
// Secure keys of a CCA coprocessor: AES DATA and AES CIPHER tokens made and opened under the domain's AES master key.
// Source: docs/reference/messages.md 4.2 (layouts), 3.3 (codes).
//
// CD-07 Inside the enciphered parts, which no guest reads: a DATA key is AES-256-CBC with zero IV under the master key, left
// justified in 32 zero bytes, validated by the TVV. A CIPHER payload is AES-256-GCM over 2 bytes key bits, 1 byte part count,
// 1 byte parts wanted and the key, with the first 56 token bytes as associated data: IV 12, text, tag 16, in the 64, 72 or 80
// bytes of its size.
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { pattern, registers } from '../master-keys.ts';
import { encode } from '../messages/byte-layout.ts';
import { putU16, putU32, sameBytes, u16, u32 } from '../messages/bytes.ts';
import { CCA, type CcaCode } from '../messages/reply-codes.ts';
import { AES_CIPHER_TOKEN, AES_DATA_TOKEN, validationValue } from '../messages/tokens.ts';
import type { AdapterModel } from '../model.ts';

/** A master key with the pattern tokens carry. */
export interface TokenKey {
  readonly key: Uint8Array;
  readonly pattern: Uint8Array;
}

/** An opened key, or the code that says why not. */
export type Opened<T> = T | CcaCode;

/** Whether `value` is an error code. */
export function isCode<T extends object>(value: Opened<T>): value is CcaCode {
  return 'rs' in value;
}

/** The current AES master key of a domain; undefined if the register is empty. */
export function currentKey(adapter: AdapterModel, domain: number): TokenKey | undefined {
  const register = registers(adapter, domain, 'aes').current;
  if (register?.key === undefined) return undefined;
  return { key: register.key, pattern: pattern('aes', register) };
}

/** The key a token's pattern names: current or old; others 8/48. */
function keyFor(adapter: AdapterModel, domain: number, wanted: Uint8Array): Opened<TokenKey> {
  const r = registers(adapter, domain, 'aes');
  if (r.current?.key === undefined) return CCA.noMasterKey;
  for (const register of [r.current, r.old]) {
    if (register?.key === undefined) continue;
    const shown = pattern('aes', register);
    if (sameBytes(shown, wanted)) return { key: register.key, pattern: shown };
  }
  return CCA.otherMasterKey;
}

const ZERO_IV = new Uint8Array(16);

/** Makes an AES DATA token of a clear key of 16, 24 or 32 bytes. */
export function makeDataToken(master: TokenKey, clear: Uint8Array): Uint8Array {
  const padded = new Uint8Array(32);
  padded.set(clear);
  const cipher = createCipheriv('aes-256-cbc', master.key, ZERO_IV).setAutoPadding(false);
  const token = new Uint8Array(AES_DATA_TOKEN.size);
  encode(AES_DATA_TOKEN, token, 0, {
    type: 0x01,
    version: 0x04,
    flag: 0x80,
    pattern: master.pattern,
    key: cipher.update(padded),
    bits: 8 * clear.length,
    bytes: 32,
  });
  padded.fill(0);
  putU32(token, AES_DATA_TOKEN.at.validation, validationValue(token));
  return token;
}

/** The clear key in an AES DATA token, or a code. */
export function openDataToken(
  adapter: AdapterModel,
  domain: number,
  token: Uint8Array,
): Opened<Uint8Array> {
  const at = AES_DATA_TOKEN.at;
  const bits = u16(token, at.bits);
  const good =
    token.length === AES_DATA_TOKEN.size &&
    token[at.type] === 0x01 &&
    token[at.version] === 0x04 &&
    (bits === 128 || bits === 192 || bits === 256) &&
    u32(token, at.validation) === validationValue(token);
  if (!good) return CCA.badToken;
  const master = keyFor(adapter, domain, token.subarray(at.pattern, at.pattern + 8));
  if (isCode(master)) return master;
  const cipher = createDecipheriv('aes-256-cbc', master.key, ZERO_IV).setAutoPadding(false);
  return cipher.update(token.subarray(at.key, at.key + 32)).subarray(0, bits / 8);
}

/** Contents of an AES CIPHER token. */
export interface CipherKey {
  readonly clear: Uint8Array;
  /** Key parts entered; 0xFF: complete. */
  readonly parts: number;
  /** Key parts needed before it can be completed. */
  readonly least: number;
}

/** Value of `parts` for a complete key. */
export const COMPLETE = 0xff;
const GCM_IV = 12;
const GCM_TAG = 16;
const HEAD = AES_CIPHER_TOKEN.size;

/** Payload bytes by key bits. Source: messages.md 4.2, wpllen 512/576/640. */
function payloadBytes(bits: number): number {
  return bits === 128 ? 64 : bits === 192 ? 72 : 80;
}

/** Makes an AES CIPHER token from a skeleton or an earlier token, and keeps its type fields and usage. */
export function makeCipherToken(
  master: TokenKey,
  skeleton: Uint8Array,
  key: CipherKey,
  random: (target: Uint8Array) => void,
): Uint8Array {
  const payload = payloadBytes(8 * key.clear.length);
  const token = new Uint8Array(HEAD + payload);
  token.set(skeleton.subarray(0, HEAD));
  encode(AES_CIPHER_TOKEN, token, 0, {
    length: token.length,
    keyMaterialState: key.parts === COMPLETE ? 3 : 2,
    patternType: 1,
    pattern: master.pattern,
    payloadVersion: 0,
    payloadBits: 8 * payload,
  });
  const iv = token.subarray(HEAD, HEAD + GCM_IV);
  random(iv);
  const text = new Uint8Array(payload - GCM_IV - GCM_TAG);
  putU16(text, 0, 8 * key.clear.length);
  text[2] = key.parts;
  text[3] = key.least;
  text.set(key.clear, 4);
  const cipher = createCipheriv('aes-256-gcm', master.key, iv).setAAD(token.subarray(0, HEAD));
  token.set(cipher.update(text), HEAD + GCM_IV);
  cipher.final();
  token.set(cipher.getAuthTag(), token.length - GCM_TAG);
  text.fill(0);
  return token;
}

/** Whether bytes are an AES CIPHER token or skeleton by their type fields. */
export function isCipherToken(token: Uint8Array): boolean {
  const at = AES_CIPHER_TOKEN.at;
  return (
    token.length >= HEAD &&
    token[at.type] === 0x01 &&
    token[at.version] === 0x05 &&
    u16(token, at.length) === token.length &&
    token[at.algorithm] === 0x02 &&
    u16(token, at.keyType) === 0x0001
  );
}

/** The key in an AES CIPHER token, complete or not, or a code. */
export function openCipherToken(
  adapter: AdapterModel,
  domain: number,
  token: Uint8Array,
): Opened<CipherKey> {
  const at = AES_CIPHER_TOKEN.at;
  const payload = token.length - HEAD;
  if (!isCipherToken(token) || payload < 64 || u16(token, at.payloadBits) !== 8 * payload) {
    return CCA.badToken;
  }
  const master = keyFor(adapter, domain, token.subarray(at.pattern, at.pattern + 8));
  if (isCode(master)) return master;
  const text = openGcm(master.key, token);
  if (text === undefined) return CCA.badToken;
  const size = u16(text, 0) / 8;
  return { clear: text.subarray(4, 4 + size), parts: text[2], least: text[3] };
}

function openGcm(key: Uint8Array, token: Uint8Array): Uint8Array | undefined {
  const end = token.length - GCM_TAG;
  const iv = token.subarray(HEAD, HEAD + GCM_IV);
  const cipher = createDecipheriv('aes-256-gcm', key, iv)
    .setAAD(token.subarray(0, HEAD))
    .setAuthTag(token.subarray(end));
  const text = cipher.update(token.subarray(HEAD + GCM_IV, end));
  try {
    cipher.final();
    return text;
  } catch {
    // The tag does not match: somebody changed the token. That is an answer, 8/29, not an error.
    return undefined;
  }
}
