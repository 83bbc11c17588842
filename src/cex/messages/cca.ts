// SPDX-License-Identifier: Apache-2.0
// CCA messages: the parameter block grammar, the RSA key tokens of ICA requests, the facility query blocks.
// Source: docs/reference/messages.md 2.5 (grammar), 2.7 (RSA), 2.8 (RNG), 4.1 (facility query).

import { encode, layout } from './byte-layout.ts';
import { ascii, putAscii, putRight, putU16, significant, u16 } from './bytes.ts';
import {
  CPRBX,
  CPRBX_LENGTH,
  CPRBX_VERSION,
  REQUEST_BLOCK,
  REQUEST_PARAMETERS,
  TYPE_6,
  TYPE6_HEADER,
} from './headers.ts';

/** Room the kernel grants an RSA reply. Source: messages.md 2.4. */
export const ICA_REPLY_ROOM = 1828;
/** Most bytes one RL reply may carry (rule 6). */
export const RNG_MAX = 4096;
/** Control block length of a facility query, request and reply room. Source: messages.md 4.1. */
export const FQ_BLOCK = 4332;
/** Bytes of verb unique data a facility query carries, all zero. */
export const FQ_VUD = 4096;

/** PKA token header, 8 bytes. Source: messages.md 2.7. */
export const TOKEN_HEADER = layout('PKA token header', 8, 'messages.md 2.7', {
  id: [0, 1, '0x1E'],
  version: [1, 1, '0'],
  length: [2, 2, 'token length with this header'],
});

/** RSA public section, 12 bytes, then exponent and modulus. */
export const RSA_PUBLIC = layout('RSA public section', 12, 'messages.md 2.7', {
  id: [0, 1, '0x04'],
  version: [1, 1, '0'],
  length: [2, 2, 'section length, 12 + e + n'],
  exponentLength: [6, 2, 'e'],
  modulusBits: [8, 2, '8n'],
  modulusLength: [10, 2, 'n, 0 when the private section has the modulus'],
});

/** RSA private section, CRT form, 132 bytes, then p q dp dq u, pad and modulus. */
export const RSA_PRIVATE = layout('RSA private section, CRT', 132, 'messages.md 2.7', {
  id: [0, 1, '0x08'],
  version: [1, 1, '0'],
  length: [2, 2, 'section length, 132 + L'],
  keyFormat: [28, 1, '0x40: clear'],
  useFlags: [50, 4, '0x80000000'],
  pLength: [54, 2, 'g = h + 8'],
  qLength: [56, 2, 'h = (n + 1) / 2'],
  dpLength: [58, 2, 'g'],
  dqLength: [60, 2, 'h'],
  uLength: [62, 2, 'g'],
  modulusLength: [64, 2, 'n'],
  padLength: [70, 2, '-(3g + 2h) mod 8'],
});

/** The parts of a CCA request in addition to its parameter block. */
export interface CcaRequest {
  /** Complete parameter block: function code, rule array, VUD, key block. */
  readonly parameters: Uint8Array;
  /** Request data after the control block. */
  readonly data?: Uint8Array;
  readonly domain: number;
  /** Room for the reply control block (default: 220 + 512, the kernel helpers' figure). */
  readonly replyRoom?: number;
  readonly replyDataRoom?: number;
  /** Room in the type 6 header when it differs from the CPRBX's. */
  readonly fromCardLength1?: number;
  /** CPRBX func_id; default `T2`, usage. */
  readonly functionId?: string;
  /** Two characters of the agent; default `CA`. */
  readonly agent?: string;
  /** Rounds the control block up to 4 as the passthrough ioctl does. */
  readonly rounded?: boolean;
}

/** Builds a type 6 request around a CCA parameter block. Source: messages.md 2.4, 2.5. */
export function buildCca(request: CcaRequest): Uint8Array {
  const { parameters, data, domain, replyRoom = CPRBX_LENGTH + 512, replyDataRoom = 0 } = request;
  const block = CPRBX_LENGTH + parameters.length;
  const end = REQUEST_BLOCK + (request.rounded ? (block + 3) & ~3 : block);
  const bytes = new Uint8Array(end + (data?.length ?? 0));
  encode(TYPE6_HEADER, bytes, 0, {
    type: TYPE_6,
    offset1: REQUEST_BLOCK,
    offset2: data === undefined ? 0 : end,
    toCardLength1: block,
    toCardLength2: data?.length ?? 0,
    fromCardLength1: request.fromCardLength1 ?? replyRoom,
    fromCardLength2: replyDataRoom,
  });
  putAscii(bytes, TYPE6_HEADER.at.agent, request.agent ?? 'CA');
  bytes.set(parameters.subarray(0, 2), TYPE6_HEADER.at.function);
  encode(CPRBX, bytes, REQUEST_BLOCK, {
    length: CPRBX_LENGTH,
    version: CPRBX_VERSION,
    requestParameterLength: parameters.length,
    requestDataLength: data?.length ?? 0,
    replyBlockRoom: replyRoom,
    replyDataRoom,
    domain,
  });
  putAscii(bytes, REQUEST_BLOCK + CPRBX.at.functionId, request.functionId ?? 'T2');
  bytes.set(parameters, REQUEST_PARAMETERS);
  if (data !== undefined) bytes.set(data, end);
  return bytes;
}

/** Builds a parameter block: function code, rule array of 8-character keywords, VUD bytes and key block bytes. */
export function parameterBlock(
  code: string,
  rules: readonly string[],
  vud: Uint8Array,
  keys: Uint8Array,
): Uint8Array {
  const ruleLength = 2 + 8 * rules.length;
  const bytes = new Uint8Array(2 + ruleLength + 2 + vud.length + 2 + keys.length);
  putAscii(bytes, 0, code, 2);
  putU16(bytes, 2, ruleLength);
  rules.forEach((rule, i) => {
    putAscii(bytes, 4 + 8 * i, rule, 8);
  });
  const at = 2 + ruleLength;
  putU16(bytes, at, 2 + vud.length);
  bytes.set(vud, at + 2);
  putU16(bytes, at + 2 + vud.length, 2 + keys.length);
  bytes.set(keys, at + 4 + vud.length);
  return bytes;
}

/** A parsed parameter block; byte fields are views of the message. */
export interface ParameterBlock {
  readonly code: string;
  readonly rules: readonly string[];
  readonly vud: Uint8Array;
  readonly keys: Uint8Array;
  /** Bytes of the block up to the end of the key block. */
  readonly length: number;
}

/**
 * Reads a parameter block of at most `room` bytes at `at`. Undefined if a length leads outside the block or is below 2, or if the length
 * of the rule array is not a multiple of 8. Empty length fields at the end are allowed.
 */
export function readParameterBlock(
  bytes: Uint8Array,
  at: number,
  room: number,
): ParameterBlock | undefined {
  const end = Math.min(bytes.length, at + room);
  const ruleLength = u16(bytes, at + 2);
  if (at + 4 > end || ruleLength < 2 || (ruleLength - 2) % 8 !== 0) return undefined;
  const vudAt = at + 2 + ruleLength;
  const vudLength = u16(bytes, vudAt);
  if (vudAt + 2 > end || vudLength < 2) return undefined;
  const keyAt = vudAt + vudLength;
  const keyLength = u16(bytes, keyAt);
  if (keyAt + 2 > end || keyLength < 2 || keyAt + keyLength > end) return undefined;
  const rules: string[] = [];
  for (let i = at + 4; i < vudAt; i += 8) rules.push(ascii(bytes, i, 8));
  return {
    code: ascii(bytes, at, 2),
    rules,
    vud: bytes.subarray(vudAt + 2, keyAt),
    keys: bytes.subarray(keyAt + 2, keyAt + keyLength),
    length: keyAt + keyLength - at,
  };
}

/** The key block bytes of an ICA modulus-exponent request: entry length, flags, token. `exponent` is sent as given. */
export function mexKeyBlock(exponent: Uint8Array, modulus: Uint8Array): Uint8Array {
  const section = RSA_PUBLIC.size + exponent.length + modulus.length;
  const token = TOKEN_HEADER.size + section;
  const bytes = new Uint8Array(4 + token);
  putU16(bytes, 0, 4 + token);
  encode(TOKEN_HEADER, bytes, 4, { id: 0x1e, length: token });
  encode(RSA_PUBLIC, bytes, 12, {
    id: 0x04,
    length: section,
    exponentLength: exponent.length,
    modulusBits: 8 * modulus.length,
    modulusLength: modulus.length,
  });
  bytes.set(exponent, 24);
  bytes.set(modulus, 24 + exponent.length);
  return bytes;
}

/** The parts of a CRT private key, big-endian, any number of leading zeros. */
export interface CrtKey {
  readonly p: Uint8Array;
  readonly q: Uint8Array;
  readonly dp: Uint8Array;
  readonly dq: Uint8Array;
  readonly u: Uint8Array;
}

/** Sizes of a CRT token for an operand of `n` bytes. Source: messages.md 2.7. */
export function crtSizes(n: number): {
  readonly half: number;
  readonly long: number;
  readonly pad: number;
  readonly block: number;
  readonly key: number;
} {
  const half = (n + 1) >> 1;
  const long = half + 8;
  const parts = 3 * long + 2 * half;
  const pad = -parts & 7;
  const block = parts + pad + n;
  return { half, long, pad, block, key: 146 + block + 15 };
}

/** The key block bytes of an ICA CRT request for an operand of `n` bytes; the modulus is n bytes of FF as the kernel sends it. */
export function crtKeyBlock(key: CrtKey, n: number): Uint8Array {
  const { half, long, pad, block, key: total } = crtSizes(n);
  const bytes = new Uint8Array(total - 2);
  putU16(bytes, 0, total - 2);
  encode(TOKEN_HEADER, bytes, 4, { id: 0x1e, length: total - 6 });
  encode(RSA_PRIVATE, bytes, 12, {
    id: 0x08,
    length: RSA_PRIVATE.size + block,
    keyFormat: 0x40,
    useFlags: 0x80000000,
    pLength: long,
    qLength: half,
    dpLength: long,
    dqLength: half,
    uLength: long,
    modulusLength: n,
    padLength: pad,
  });
  let at = 12 + RSA_PRIVATE.size;
  const parts = [
    [key.p, long],
    [key.q, half],
    [key.dp, long],
    [key.dq, half],
    [key.u, long],
  ] as const;
  for (const [part, size] of parts) {
    putRight(bytes, at, size, significant(part));
    at += size;
  }
  at += pad;
  bytes.fill(0xff, at, at + n);
  at += n;
  encode(RSA_PUBLIC, bytes, at, { id: 0x04, length: 15, exponentLength: 3, modulusBits: 8 * n });
  bytes.set([1, 0, 1], at + 12);
  return bytes;
}
