// SPDX-License-Identifier: Apache-2.0
// Layouts of CCA secure key tokens and of the CPACF key block.
// Source: docs/reference/messages.md 4.2.
import { layout } from './byte-layout.ts';

/** AES DATA key token, 64 bytes. */
export const AES_DATA_TOKEN = layout('CCA AES DATA key token', 64, 'messages.md 4.2', {
  type: [0, 1, '0x01, internal'],
  version: [4, 1, '0x04'],
  flag: [6, 1, '0x80 key present'],
  pattern: [8, 8, 'MKVP'],
  key: [16, 32, 'enciphered key'],
  controlVector: [48, 8, '0'],
  bits: [56, 2, 'key length in bits'],
  bytes: [58, 2, 'length of the enciphered key in bytes'],
  validation: [60, 4, 'TVV'],
});

/** AES CIPHER key token (VLSC), 56 bytes, then the wrapped payload. */
export const AES_CIPHER_TOKEN = layout('CCA AES CIPHER key token', 56, 'messages.md 4.2', {
  type: [0, 1, '0x01, internal'],
  length: [2, 2, 'token length'],
  version: [4, 1, '0x05'],
  keyMaterialState: [8, 1, 'kms: 0 no key, 2 incomplete, 3 complete'],
  patternType: [9, 1, 'kvpt'],
  pattern: [10, 8, 'MKVP'],
  payloadVersion: [28, 1, 'plfver, 0: payload length by key length'],
  payloadBits: [38, 2, 'wpllen: 512, 576 or 640'],
  algorithm: [41, 1, '0x02, AES'],
  keyType: [42, 2, '0x0001, CIPHER'],
  usage: [50, 2, 'kmf1; 0x0800 export to CPACF allowed'],
});

/** Places and values of a kernel's skeleton beside those above: adsver, adslen, kufc, kuf1, kuf2, kmfc, the rest of kmf1. */
const SKELETON_BYTES: readonly (readonly [at: number, value: number])[] = [
  [30, 0x01],
  [33, 0x1a],
  [44, 0x02],
  [45, 0xc0],
  [47, 0xff],
  [49, 0x03],
  [51, 0xc8],
];

/** Bit of `usage` that allows translation to a protected key. */
export const EXPORT_CPACF = 0x0800;

/** CPACF key block, 142 bytes. */
export const CPACF_KEY_BLOCK = layout('CPACF key block', 142, 'messages.md 4.2', {
  version: [0, 1, '1 (AES), 2 (ECC)'],
  flags: [1, 2, '0'],
  algorithm: [3, 1, '0x02 AES, 0x81 ECC'],
  form: [4, 1, '0'],
  length: [8, 2, 'key and pattern: 48, 56 or 64'],
  key: [10, 64, 'protected key and pattern'],
  attributeLength: [74, 2, '32'],
  attributes: [76, 32, '0'],
  patternType: [109, 1, '0'],
  pattern: [110, 32, 'verification pattern'],
});

/** The AES CIPHER skeleton a kernel sends: no key, any mode, export to CPACF allowed. Source: messages.md 4.2; recorded of Linux 6.12.117. */
export function cipherSkeleton(): Uint8Array {
  const token = new Uint8Array(AES_CIPHER_TOKEN.size);
  token[0] = 0x01;
  token[3] = AES_CIPHER_TOKEN.size;
  token[4] = 0x05;
  token[41] = 0x02;
  token[43] = 0x01;
  token[50] = EXPORT_CPACF >> 8;
  for (const [at, value] of SKELETON_BYTES) token[at] = value;
  return token;
}

/** The token validation value: the sum of the 32-bit words before it, modulo 2^32. [C] not in the reference. */
export function validationValue(token: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < AES_DATA_TOKEN.at.validation; i += 4) {
    sum += ((token[i] << 24) | (token[i + 1] << 16) | (token[i + 2] << 8) | token[i + 3]) >>> 0;
  }
  return sum % 2 ** 32;
}
