// SPDX-License-Identifier: Apache-2.0
// Key generation and import: KG and CM (AES DATA keys), GK and IP (AES CIPHER keys).
// Source: docs/reference/messages.md 4.2; reply key blocks as drivers/s390/crypto/zcrypt_ccamisc.c parses them.
import { ascii, putU16, u16 } from '../messages/bytes.ts';
import { CCA } from '../messages/reply-codes.ts';
import type { CcaAnswer, CcaCall } from './reply.ts';
import {
  type CipherKey,
  COMPLETE,
  currentKey,
  isCipherToken,
  isCode,
  makeCipherToken,
  makeDataToken,
  openCipherToken,
} from './tokens.ts';

/** Tag of a key token in a key block. */
const TAG_TOKEN = 0x0030;
/** Tags of the clear key's length and value in IP's VUD. */
const TAG_BITS = 0x0064;
const TAG_CLEAR = 0x0063;

const KEY_LENGTHS: Readonly<Record<string, number>> = {
  'KEYLN16 ': 16,
  'KEYLN24 ': 24,
  'KEYLN32 ': 32,
};

/** One entry of a key block or VUD: length (u16, with itself and the tag), tag (u16), bytes. */
interface Entry {
  readonly tag: number;
  readonly bytes: Uint8Array;
}

/** All entries; undefined if a length leaves the block. */
function entries(block: Uint8Array): Entry[] | undefined {
  const list: Entry[] = [];
  for (let at = 0; at < block.length; ) {
    const length = u16(block, at);
    if (length < 4 || at + length > block.length) return undefined;
    list.push({ tag: u16(block, at + 2), bytes: block.subarray(at + 4, at + length) });
    at += length;
  }
  return list;
}

function entry(tag: number, bytes: Uint8Array): Uint8Array {
  const e = new Uint8Array(4 + bytes.length);
  putU16(e, 0, e.length);
  putU16(e, 2, tag);
  e.set(bytes, 4);
  return e;
}

/** A reply key block with one CIPHER token and an empty label: 10 bytes more than the token with its length field. */
function cipherBlock(token: Uint8Array): Uint8Array {
  return Buffer.concat([entry(TAG_TOKEN, token), entry(TAG_TOKEN, new Uint8Array(0))]);
}

/** `KG`: makes a random AES DATA key. */
export function generateDataKey({ work, domain, block }: CcaCall): CcaAnswer {
  const { vud } = block;
  if (block.rules.length !== 0) return { code: CCA.ruleCount };
  if (vud.length !== 32) return { code: CCA.vudLength };
  const length = KEY_LENGTHS[ascii(vud, 8, 8)];
  const good = ascii(vud, 0, 8) === 'OP      ' && ascii(vud, 16, 8) === 'AESDATA ';
  if (length === undefined || !good) return { code: CCA.keyword };
  const master = currentKey(work.adapter, domain);
  if (master === undefined) return { code: CCA.noMasterKey };
  const clear = new Uint8Array(length);
  work.context.random(clear);
  const token = makeDataToken(master, clear);
  clear.fill(0);
  return { code: CCA.ok, keys: entry(TAG_TOKEN, token) };
}

/** `CM`: an AES DATA key from a clear key. */
export function importDataKey({ work, domain, block }: CcaCall): CcaAnswer {
  if (block.rules.length !== 1) return { code: CCA.ruleCount };
  if (block.rules[0] !== 'AES     ') return { code: CCA.keyword };
  const { length } = block.vud;
  if (length !== 16 && length !== 24 && length !== 32) return { code: CCA.textLength };
  const master = currentKey(work.adapter, domain);
  if (master === undefined) return { code: CCA.noMasterKey };
  return { code: CCA.ok, keys: entry(TAG_TOKEN, makeDataToken(master, block.vud)) };
}

/** `GK`: a random AES CIPHER key from the skeleton in the key block. */
export function generateCipherKey({ work, domain, block }: CcaCall): CcaAnswer {
  const { rules, vud } = block;
  if (rules.length !== 2) return { code: CCA.ruleCount };
  if (rules[0] !== 'AES     ' || rules[1] !== 'OP      ') return { code: CCA.keyword };
  if (vud.length < 18) return { code: CCA.vudLength };
  const bits = u16(vud, 16);
  if (ascii(vud, 0, 8) !== 'TOKEN   ') return { code: CCA.keyword };
  if (bits !== 128 && bits !== 192 && bits !== 256) return { code: CCA.textLength };
  // Entries: two key-encrypting keys (empty), the skeleton, label, second key, label.
  const skeleton = entries(block.keys)?.[2]?.bytes;
  if (skeleton === undefined || !isCipherToken(skeleton)) return { code: CCA.badToken };
  const master = currentKey(work.adapter, domain);
  if (master === undefined) return { code: CCA.noMasterKey };
  const clear = new Uint8Array(bits / 8);
  work.context.random(clear);
  const key = { clear, parts: COMPLETE, least: 0 };
  const token = makeCipherToken(master, skeleton, key, work.context.random);
  clear.fill(0);
  return { code: CCA.ok, keys: cipherBlock(token) };
}

/** The parts `FIRST` may demand, and the default of two. */
const LEAST_PARTS: Readonly<Record<string, number>> = {
  MIN3PART: 3,
  MIN2PART: 2,
  MIN1PART: 1,
};

function addPart(former: CipherKey, part: Uint8Array): CipherKey {
  const clear = former.clear.map((byte, i) => byte ^ part[i]);
  return { ...former, clear, parts: Math.min(former.parts + 1, COMPLETE - 1) };
}

/** The next state of a key under construction, or a code. */
function importStep(
  call: CcaCall,
  token: Uint8Array,
  part: Uint8Array,
): CipherKey | (typeof CCA)[keyof typeof CCA] {
  const [, step, extra] = call.block.rules;
  if (step === 'FIRST   ') {
    const least = extra === undefined ? 2 : LEAST_PARTS[extra];
    if (least === undefined) return CCA.keyword;
    const size = part.length;
    if (size !== 16 && size !== 24 && size !== 32) return CCA.textLength;
    return isCipherToken(token) ? { clear: part, parts: 1, least } : CCA.badToken;
  }
  const former = openCipherToken(call.work.adapter, call.domain, token);
  if (isCode(former)) return former as (typeof CCA)[keyof typeof CCA];
  if (former.parts === COMPLETE) return CCA.badToken;
  if (step === 'COMPLETE') {
    return former.parts >= former.least ? { ...former, parts: COMPLETE } : CCA.keywords;
  }
  if (step !== 'ADD-PART') return CCA.keyword;
  return part.length === former.clear.length ? addPart(former, part) : CCA.textLength;
}

/** `IP`: a clear key into an AES CIPHER token by parts: FIRST, ADD-PART, COMPLETE; parts are combined by exclusive or. */
export function importCipherKey(call: CcaCall): CcaAnswer {
  const { work, domain, block } = call;
  if (block.rules.length < 2 || block.rules.length > 3) return { code: CCA.ruleCount };
  if (block.rules[0] !== 'AES     ') return { code: CCA.keyword };
  const values = entries(block.vud);
  const bits = values?.find((e) => e.tag === TAG_BITS)?.bytes;
  const part = values?.find((e) => e.tag === TAG_CLEAR)?.bytes;
  const token = entries(block.keys)?.[0]?.bytes;
  if (bits?.length !== 2 || part === undefined || token === undefined) {
    return { code: CCA.inconsistent };
  }
  if (u16(bits, 0) !== 8 * part.length) return { code: CCA.textLength };
  const master = currentKey(work.adapter, domain);
  if (master === undefined) return { code: CCA.noMasterKey };
  const key = importStep(call, token, part);
  if (isCode(key)) return { code: key };
  const made = makeCipherToken(master, token, key, work.context.random);
  return { code: CCA.ok, keys: cipherBlock(made) };
}
