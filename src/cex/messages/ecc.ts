// SPDX-License-Identifier: Apache-2.0
// ECC messages of a CCA coprocessor: key tokens, and requests as libica builds them.
// Source: docs/reference/messages.md 4.4.

import { encode, layout } from './byte-layout.ts';
import { putU16, u16 } from './bytes.ts';
import { buildCca, parameterBlock, TOKEN_HEADER } from './cca.ts';
import { CPRBX_LENGTH } from './headers.ts';

/** ECC private section, 76 bytes, then associated data and D. */
export const ECC_PRIVATE = layout('ECC private section', 76, 'messages.md 4.4', {
  id: [0, 1, '0x20'],
  version: [1, 1, '0'],
  length: [2, 2, '92 + n'],
  usage: [8, 1, '0x80 signature, 0xC0 key agreement'],
  curveType: [9, 1, '0 prime, 1 brainpool'],
  keyFormat: [10, 1, '0x40: clear'],
  bits: [12, 2, 'bits of the prime'],
  associatedLength: [14, 2, '16'],
  pattern: [16, 8, 'verification pattern, 0'],
  objectKey: [24, 48, '0'],
  associatedLength2: [72, 2, '16'],
  keyLength: [74, 2, 'bytes of D'],
});

/** Associated data of an ECC private section. */
export const ECC_ASSOCIATED = layout('ECC associated data', 16, 'messages.md 4.4', {
  length: [2, 2, '16'],
  curveType: [7, 1, '0 prime, 1 brainpool'],
  bits: [8, 2, 'bits of the prime'],
  usage: [10, 1, '0x80 or 0xC0'],
  format: [11, 1, '0x40'],
});

/** ECC public section, 14 bytes, then 04, X and Y. */
export const ECC_PUBLIC = layout('ECC public section', 14, 'messages.md 4.4', {
  id: [0, 1, '0x21'],
  version: [1, 1, '0'],
  length: [2, 2, '15 + 2n'],
  curveType: [8, 1, '0 prime, 1 brainpool'],
  bits: [10, 2, 'bits of the prime'],
  pointLength: [12, 2, '2n + 1'],
});

/** What a token holds; missing numbers are missing in the token. */
export interface EccKey {
  /** 0 = prime, 1 = brainpool. */
  readonly curveType: number;
  readonly bits: number;
  readonly d?: Uint8Array;
  /** X, followed by Y. */
  readonly point?: Uint8Array;
}

const USAGE = { sign: 0x80, agree: 0xc0 } as const;
const CLEAR = 0x40;
/** Length field and flags of a key entry. */
export const ENTRY_HEAD = 4;
const ENTRY_FLAGS = 0x0020;
const NONE = new Uint8Array(0);

function privateSection(key: EccKey, usage: number): Uint8Array {
  const { curveType, bits, d = NONE } = key;
  const length = ECC_PRIVATE.size + ECC_ASSOCIATED.size + d.length;
  const bytes = new Uint8Array(length);
  encode(ECC_PRIVATE, bytes, 0, {
    id: 0x20,
    length,
    usage,
    curveType,
    keyFormat: CLEAR,
    bits,
    associatedLength: ECC_ASSOCIATED.size,
    associatedLength2: ECC_ASSOCIATED.size,
    keyLength: d.length,
  });
  encode(ECC_ASSOCIATED, bytes, ECC_PRIVATE.size, {
    length: ECC_ASSOCIATED.size,
    curveType,
    bits,
    usage,
    format: CLEAR,
  });
  bytes.set(d, ECC_PRIVATE.size + ECC_ASSOCIATED.size);
  return bytes;
}

function publicSection({ curveType, bits, point }: EccKey): Uint8Array {
  const pointLength = point === undefined ? 0 : 1 + point.length;
  const bytes = new Uint8Array(ECC_PUBLIC.size + pointLength);
  encode(ECC_PUBLIC, bytes, 0, { id: 0x21, length: bytes.length, curveType, bits, pointLength });
  if (point !== undefined) {
    bytes[ECC_PUBLIC.size] = 0x04;
    bytes.set(point, ECC_PUBLIC.size + 1);
  }
  return bytes;
}

function keyEntry(flags: number, sections: readonly Uint8Array[]): Uint8Array {
  const token = TOKEN_HEADER.size + sections.reduce((sum, s) => sum + s.length, 0);
  const head = new Uint8Array(ENTRY_HEAD + TOKEN_HEADER.size);
  putU16(head, 0, ENTRY_HEAD + token);
  putU16(head, 2, flags);
  encode(TOKEN_HEADER, head, ENTRY_HEAD, { id: 0x1e, length: token });
  return Buffer.concat([head, ...sections]);
}

/** The key entry with a private token. */
export function privateKeyEntry(key: EccKey, usage: keyof typeof USAGE = 'sign'): Uint8Array {
  const flags = usage === 'sign' ? ENTRY_FLAGS : 0;
  return keyEntry(flags, [privateSection(key, USAGE[usage]), publicSection(key)]);
}

/** The key entry with a public token. */
function publicKeyEntry(key: EccKey): Uint8Array {
  return keyEntry(0, [publicSection(key)]);
}

/** The token in the first entry of a key block; undefined if it is malformed or its key is not clear. */
export function readKeyEntry(keys: Uint8Array): EccKey | undefined {
  const end = u16(keys, 0);
  const token = keys.subarray(ENTRY_HEAD, end);
  if (end > keys.length || token[0] !== 0x1e || u16(token, 2) !== token.length) return undefined;
  const first = token.subarray(TOKEN_HEADER.size);
  if (first[0] !== 0x20) return readPublic(first);
  const at = ECC_PRIVATE.at;
  const length = u16(first, at.length);
  const rest = readPublic(first.subarray(length));
  const dAt = ECC_PRIVATE.size + u16(first, at.associatedLength2);
  const dLength = u16(first, at.keyLength);
  const good =
    first[at.keyFormat] === CLEAR &&
    dAt + dLength === length &&
    first[at.curveType] === rest?.curveType &&
    u16(first, at.bits) === rest?.bits;
  if (!good || rest === undefined) return undefined;
  return dLength === 0 ? rest : { ...rest, d: first.subarray(dAt, length) };
}

function readPublic(section: Uint8Array): EccKey | undefined {
  const at = ECC_PUBLIC.at;
  const length = u16(section, at.length);
  const point = u16(section, at.pointLength);
  const good =
    section[0] === 0x21 && length <= section.length && length === ECC_PUBLIC.size + point;
  if (!good || (point > 0 && section[ECC_PUBLIC.size] !== 0x04)) return undefined;
  const key = { curveType: section[at.curveType], bits: u16(section, at.bits) };
  return point === 0 ? key : { ...key, point: section.subarray(ECC_PUBLIC.size + 1, length) };
}

/** Bytes with a u16 length that counts itself. */
export function counted(bytes: Uint8Array): Uint8Array {
  const field = new Uint8Array(2 + bytes.length);
  putU16(field, 0, field.length);
  field.set(bytes, 2);
  return field;
}

/** VUD of a key agreement; a card that answers echoes the three tags without content. */
export const AGREE_VUD: Uint8Array = Buffer.from('000400910006009300000004009000040092', 'hex');
const EMPTY_ENTRY = counted(new Uint8Array(66));
const NULL_TOKEN = Uint8Array.of(0, 5, 0, 0x10, 0);

/** What libica asks a CCA coprocessor for. */
export type EccRequest =
  | { readonly kind: 'generate'; readonly curveType: number; readonly bits: number }
  | { readonly kind: 'agree'; readonly d: Uint8Array; readonly other: EccKey }
  | { readonly kind: 'sign'; readonly key: EccKey; readonly hash: Uint8Array }
  | {
      readonly kind: 'verify';
      readonly key: EccKey;
      readonly hash: Uint8Array;
      /** r, followed by s. */
      readonly signature: Uint8Array;
    };

function parameters(request: EccRequest): Uint8Array {
  switch (request.kind) {
    case 'generate': {
      const { curveType, bits } = request;
      const keys = Buffer.concat([privateKeyEntry({ curveType, bits }), NULL_TOKEN]);
      return parameterBlock('PG', ['CLEAR'], NONE, keys);
    }
    case 'agree': {
      const key = privateKeyEntry({ ...request.other, d: request.d }, 'agree');
      const empty = [EMPTY_ENTRY, EMPTY_ENTRY, EMPTY_ENTRY];
      const keys = Buffer.concat([key, EMPTY_ENTRY, key, ...empty]);
      return parameterBlock('DH', ['PASSTHRU'], AGREE_VUD, keys);
    }
    case 'sign':
      return parameterBlock('SG', ['ECDSA'], counted(request.hash), privateKeyEntry(request.key));
    case 'verify': {
      const vud = Buffer.concat([counted(request.hash), counted(request.signature)]);
      return parameterBlock('SV', ['ECDSA'], vud, publicKeyEntry(request.key));
    }
  }
}

/** Builds `PG`, `DH`, `SG` or `SV`, as it arrives from libica through the passthrough ioctl. */
export function buildEcc(request: EccRequest & { readonly domain: number }): Uint8Array {
  const replyRoom = CPRBX_LENGTH + 2048;
  return buildCca({
    parameters: parameters(request),
    domain: request.domain,
    replyRoom,
    rounded: true,
  });
}
