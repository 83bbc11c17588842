// SPDX-License-Identifier: Apache-2.0
// EP11 messages: the ASN.1-like payload, the info query's answers, and builders.
// Source: docs/reference/messages.md 2.10, 2.11, 4.3.

import { encode, layout } from './byte-layout.ts';
import { ceil4, putAscii, putU16, putU32, u16, u32 } from './bytes.ts';
import {
  EP11_CPRB,
  EP11_CPRB_LENGTH,
  EP11_CPRB_VERSION,
  REQUEST_BLOCK,
  TYPE_6,
  TYPE6_HEADER,
} from './headers.ts';

/** Info query numbers of function 38. */
export const EP11_QUERY_MODULE = 1;
export const EP11_QUERY_DOMAIN = 3;

/** Module info. Source: messages.md 2.11. */
export const EP11_MODULE_INFO = layout('EP11 module info', 196, 'messages.md 2.11', {
  apiOrdinal: [0, 4, 'API ordinal'],
  firmwareId: [4, 4, 'firmware id'],
  firmwareMajor: [8, 1, 'FW major'],
  firmwareMinor: [9, 1, 'FW minor'],
  cspMajor: [10, 1, 'CSP major'],
  cspMinor: [11, 1, 'CSP minor'],
  firmwareHash: [12, 32, 'firmware id hash'],
  xcpConfigHash: [44, 32, 'XCP configuration hash'],
  cspConfigHash: [76, 32, 'CSP configuration hash'],
  serial: [108, 16, 'ASCII, zero padded'],
  moduleTime: [124, 16, 'ASCII date and time'],
  opMode: [140, 8, 'high word opMode2, low word opMode1'],
  pkcsFlags: [148, 4, 'PKCS#11 flags'],
  extendedFlags: [152, 4, 'extended flags'],
  domains: [156, 4, 'number of domains'],
  symmetricStateBytes: [160, 4, '0'],
  digestStateBytes: [164, 4, '0'],
  pinBlobBytes: [168, 4, '0'],
  spkiBytes: [172, 4, '0'],
  privateKeyBytes: [176, 4, '0'],
  symmetricKeyBytes: [180, 4, '0'],
  maxPayload: [184, 4, 'payload bytes'],
  controlPointBytes: [188, 4, 'CP profile bytes'],
  maxControlPoint: [192, 4, 'highest CP index'],
});

/** Domain info. Source: messages.md 2.11. */
export const EP11_DOMAIN_INFO = layout('EP11 domain info', 80, 'messages.md 2.11', {
  index: [0, 4, 'domain'],
  currentPattern: [4, 32, 'current WK VP'],
  newPattern: [36, 32, 'new WK VP'],
  flags: [68, 4, 'EP11_DOMAIN_FLAGS'],
  opMode: [72, 8, 'operating modes'],
});

/** Domain info flags. Source: messages.md 2.11. */
export const EP11_DOMAIN_FLAGS = {
  admins: 0x01,
  currentKey: 0x02,
  nextKey: 0x04,
  nextCommitted: 0x08,
  leftImprint: 0x10,
  protectedKey: 0x20,
  imprint: 0x80000000,
} as const;

/** Key blob, 256 bytes. Source: messages.md 4.3. */
export const EP11_KEY_BLOB = layout('EP11 key blob', 256, 'messages.md 4.3', {
  session: [0, 32, 'session, zero'],
  wkId: [32, 16, 'first 16 bytes of the WK VP'],
  attributes: [48, 8, 'attributes'],
  mode: [56, 8, 'mode'],
  version: [64, 2, '0x1234'],
  iv: [66, 14, 'initialization vector'],
  encrypted: [80, 144, 'encrypted key material'],
  mac: [224, 32, 'MAC'],
});

/** Bytes of a tag and length of `size` content bytes in the shortest form. */
function headLength(size: number): number {
  return size < 127 ? 2 : size < 256 ? 3 : 4;
}

/** Writes tag and length; returns the offset of the content. `long` forces the `82 LLLL` form. */
function putHead(bytes: Uint8Array, at: number, tag: number, size: number, long = false): number {
  bytes[at] = tag;
  if (!long && size < 127) {
    bytes[at + 1] = size;
    return at + 2;
  }
  if (!long && size < 256) {
    bytes[at + 1] = 0x81;
    bytes[at + 2] = size;
    return at + 3;
  }
  bytes[at + 1] = 0x82;
  putU16(bytes, at + 2, size);
  return at + 4;
}

/** A 4-byte argument. */
export function u32Argument(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  putU32(bytes, 0, value);
  return bytes;
}

/** One element that was read: the place of its content, and where the next element begins. */
export interface Element {
  readonly start: number;
  readonly end: number;
}

/** Reads an element of `tag` at `at` that must end at or before `limit`; undefined if it does not. */
function readElement(
  bytes: Uint8Array,
  at: number,
  limit: number,
  tag: number,
): Element | undefined {
  if (at + 2 > limit || bytes[at] !== tag) return undefined;
  const form = bytes[at + 1];
  let start = at + 2;
  let size = form;
  if (form === 0x81) {
    size = bytes[at + 2];
    start = at + 3;
  } else if (form === 0x82) {
    size = u16(bytes, at + 2);
    start = at + 4;
  } else if (form >= 0x80) return undefined;
  if (start > limit || start + size > limit) return undefined;
  return { start, end: start + size };
}

/** A parsed EP11 payload; arguments are views. */
export interface Ep11Payload {
  readonly functionId: number;
  readonly ordinal: number;
  readonly domain: number;
  /** Contents of the octet strings after function and domain (in replies the first is the return code). */
  readonly body: readonly Uint8Array[];
}

/** Highest number of octet strings in one payload. Requests of the known functions have at most 12. */
const BODY_MAX = 32;

/** Reads the payload in `length` bytes at `at`; undefined if it is malformed. */
export function readPayload(
  bytes: Uint8Array,
  at: number,
  length: number,
): Ep11Payload | undefined {
  const limit = Math.min(bytes.length, at + length);
  const envelope = readElement(bytes, at, limit, 0x30);
  if (envelope === undefined || envelope.end !== limit) return undefined;
  const code = readElement(bytes, envelope.start, limit, 0x04);
  if (code === undefined || code.end - code.start !== 4) return undefined;
  const domain = readElement(bytes, code.end, limit, 0x04);
  if (domain === undefined || domain.end - domain.start !== 4) return undefined;
  const body: Uint8Array[] = [];
  for (let next = domain.end; next < limit; ) {
    const element = readElement(bytes, next, limit, 0x04);
    if (element === undefined || body.length === BODY_MAX) return undefined;
    body.push(bytes.subarray(element.start, element.end));
    next = element.end;
  }
  return {
    functionId: u16(bytes, code.start + 2),
    ordinal: u16(bytes, code.start),
    domain: u32(bytes, domain.start),
    body,
  };
}

/** Offset of the domain in a payload with which the bytes begin; -1 if they are not a payload. */
export function domainOffset(bytes: Uint8Array): number {
  const envelope = readElement(bytes, 0, bytes.length, 0x30);
  const code = envelope && readElement(bytes, envelope.start, bytes.length, 0x04);
  const domain = code && readElement(bytes, code.end, bytes.length, 0x04);
  return domain === undefined || domain.end - domain.start !== 4 ? -1 : domain.start;
}

/** Writes a payload at `at` and returns its length. */
export function putPayload(
  bytes: Uint8Array,
  at: number,
  payload: Ep11Payload,
  options: { readonly longEnvelope?: boolean; readonly longLast?: boolean } = {},
): number {
  const last = payload.body.length - 1;
  let size = 12;
  payload.body.forEach((b, i) => {
    size += b.length + (options.longLast && i === last ? 4 : headLength(b.length));
  });
  let next = putHead(bytes, at, 0x30, size, options.longEnvelope);
  next = putHead(bytes, next, 0x04, 4);
  putU16(bytes, next, payload.ordinal);
  putU16(bytes, next + 2, payload.functionId);
  next = putHead(bytes, next + 4, 0x04, 4);
  putU32(bytes, next, payload.domain);
  next += 4;
  payload.body.forEach((b, i) => {
    next = putHead(bytes, next, 0x04, b.length, options.longLast && i === last);
    bytes.set(b, next);
    next += b.length;
  });
  return next - at;
}

/** The parts of an EP11 request. */
export interface Ep11Request {
  readonly functionId: number;
  /** API ordinal, default 4. */
  readonly ordinal?: number;
  readonly domain: number;
  readonly body: readonly Uint8Array[];
  /** CPRB flags, default 0. */
  readonly flags?: number;
  /** Room for the reply; default the queue's 12288 - 48. */
  readonly replyRoom?: number;
  /** Forces the `30 82 LLLL` envelope as the kernel's queries have it. */
  readonly longEnvelope?: boolean;
}

/** Builds an EP11 request. Source: messages.md 2.4, 2.10. */
export function buildEp11(request: Ep11Request): Uint8Array {
  const { functionId, ordinal = 4, domain, body, flags = 0, replyRoom = 12240 } = request;
  const content = body.reduce((sum, b) => sum + b.length + 4, 0);
  const room = new Uint8Array(content + 20);
  const length = putPayload(room, 0, { functionId, ordinal, domain, body }, request);
  const block = EP11_CPRB_LENGTH + length;
  const bytes = new Uint8Array(REQUEST_BLOCK + ceil4(block));
  encode(TYPE6_HEADER, bytes, 0, {
    type: TYPE_6,
    offset1: REQUEST_BLOCK,
    requestId: 1,
    toCardLength1: block,
    fromCardLength1: replyRoom,
  });
  putAscii(bytes, TYPE6_HEADER.at.agent, 'XC');
  encode(EP11_CPRB, bytes, REQUEST_BLOCK, {
    length: EP11_CPRB_LENGTH,
    version: EP11_CPRB_VERSION,
    flags,
    target: domain,
    returnCode: 0xffffffff,
    payloadLength: length,
  });
  putAscii(bytes, REQUEST_BLOCK + EP11_CPRB.at.functionId, 'T4');
  bytes.set(room.subarray(0, length), REQUEST_BLOCK + EP11_CPRB_LENGTH);
  return bytes;
}
