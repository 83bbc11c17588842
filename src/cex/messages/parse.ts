// SPDX-License-Identifier: Apache-2.0
// Reading replies as a guest driver does, and the length a driver computes from a reply's own header.
// Source: docs/reference/messages.md 2.2, 2.3, 2.5, 2.6, 2.10.
import { u16, u32 } from './bytes.ts';
import { readParameterBlock } from './cca.ts';
import { readPayload } from './ep11.ts';
import {
  CPRBX,
  CPRBX_LENGTH,
  CPRBX_VERSION,
  EP11_CPRB,
  EP11_CPRB_LENGTH,
  EP11_CPRB_VERSION,
  ERROR_REPLY_LENGTH,
  REPLY_BLOCK,
  TYPE_80,
  TYPE_82,
  TYPE_86,
  TYPE_87,
  TYPE_88,
  TYPE80_HEADER,
  TYPE86_HEADER,
} from './headers.ts';

/** Type 80: the result field of an accelerator; its last n bytes are the result. */
export interface ResultReply {
  readonly kind: 'result';
  readonly code: number;
  readonly result: Uint8Array;
}

/** Error reply of 8 bytes. */
export interface ErrorReply {
  readonly kind: 'error';
  readonly type: number;
  readonly code: number;
}

/** CCA reply. */
export interface CcaReply {
  readonly kind: 'cca';
  readonly code: number;
  readonly apfs: number;
  readonly rc: number;
  readonly rs: number;
  readonly domain: number;
  /** Function code of the parameter block. */
  readonly function: string;
  readonly rules: readonly string[];
  /** RSA result, or the var data of a query. */
  readonly vud: Uint8Array;
  readonly keys: Uint8Array;
  /** Data after the control block: random numbers. */
  readonly data: Uint8Array;
}

/** EP11 reply. */
export interface Ep11Reply {
  readonly kind: 'ep11';
  readonly code: number;
  readonly apfs: number;
  /** ret_code of the CPRB. */
  readonly returnCode: number;
  readonly functionId: number;
  readonly domain: number;
  /** Return value of the function. */
  readonly rv: number;
  /** Octet strings after the return value. */
  readonly body: readonly Uint8Array[];
}

/** A reply that no driver accepts. */
export interface UnknownReply {
  readonly kind: 'unknown';
  readonly type: number;
  readonly why: string;
}

export type Reply = ResultReply | ErrorReply | CcaReply | Ep11Reply | UnknownReply;

function unknown(type: number, why: string): UnknownReply {
  return { kind: 'unknown', type, why };
}

function parseCca(reply: Uint8Array): CcaReply | UnknownReply {
  const h = TYPE86_HEADER.at;
  const count1 = u32(reply, h.count1);
  const offset2 = u32(reply, h.offset2);
  const count2 = u32(reply, h.count2);
  if (REPLY_BLOCK + count1 > reply.length || (count2 > 0 && offset2 + count2 > reply.length)) {
    return unknown(TYPE_86, 'lengths leave the message');
  }
  const at = REPLY_BLOCK + CPRBX_LENGTH;
  const block = readParameterBlock(reply, at, Math.max(0, count1 - CPRBX_LENGTH));
  if (block === undefined) return unknown(TYPE_86, 'parameter block is malformed');
  return {
    kind: 'cca',
    code: reply[h.code],
    apfs: u32(reply, h.apfs),
    rc: u16(reply, REPLY_BLOCK + CPRBX.at.returnCode),
    rs: u16(reply, REPLY_BLOCK + CPRBX.at.reasonCode),
    domain: u16(reply, REPLY_BLOCK + CPRBX.at.domain),
    function: block.code,
    rules: block.rules,
    vud: block.vud,
    keys: block.keys,
    data: count2 > 0 ? reply.subarray(offset2, offset2 + count2) : reply.subarray(0, 0),
  };
}

function parseEp11(reply: Uint8Array): Ep11Reply | UnknownReply {
  const h = TYPE86_HEADER.at;
  const count1 = u32(reply, h.count1);
  if (REPLY_BLOCK + count1 > reply.length) return unknown(TYPE_86, 'lengths leave the message');
  const length = u32(reply, REPLY_BLOCK + EP11_CPRB.at.payloadLength);
  if (EP11_CPRB_LENGTH + length > count1) return unknown(TYPE_86, 'payload leaves the message');
  const payload = readPayload(reply, REPLY_BLOCK + EP11_CPRB_LENGTH, length);
  if (payload?.body[0]?.length !== 4) return unknown(TYPE_86, 'payload is malformed');
  return {
    kind: 'ep11',
    code: reply[h.code],
    apfs: u32(reply, h.apfs),
    returnCode: u32(reply, REPLY_BLOCK + EP11_CPRB.at.returnCode),
    functionId: payload.functionId,
    domain: payload.domain,
    rv: u32(payload.body[0], 0),
    body: payload.body.slice(1),
  };
}

/** Reads a reply of any mode. Byte strings are views of `reply`. Never throws. */
export function parseReply(reply: Uint8Array): Reply {
  const type = reply[1] ?? 0;
  if (reply.length < ERROR_REPLY_LENGTH) return unknown(type, 'shorter than 8 bytes');
  if (type === TYPE_82 || type === TYPE_87 || type === TYPE_88) {
    return { kind: 'error', type, code: reply[4] };
  }
  if (type === TYPE_80) {
    const length = u16(reply, TYPE80_HEADER.at.length);
    if (length > reply.length || length < 16) return unknown(type, 'length leaves the message');
    return { kind: 'result', code: reply[4], result: reply.subarray(16, length) };
  }
  if (type !== TYPE_86) return unknown(type, 'no reply type');
  const version = reply[REPLY_BLOCK + CPRBX.at.version];
  if (version === CPRBX_VERSION) return parseCca(reply);
  if (version === EP11_CPRB_VERSION) return parseEp11(reply);
  return unknown(type, 'CPRB version');
}

/**
 * The length a guest driver computes from a reply's header: Linux 6.12 compares it with the DQAP length (rule 1).
 * @param request what was sent, for the ICA rule: RSA replies of a CCA card are judged by their VUD length.
 */
export function replyLength(
  reply: Uint8Array,
  request: 'ica' | 'xcrb' | 'ep11' | 'type50',
  kernel: '6.1' | '6.12' = '6.12',
): number {
  const h = TYPE86_HEADER.at;
  if (reply[1] === TYPE_80) return u16(reply, TYPE80_HEADER.at.length);
  if (reply[1] !== TYPE_86) return ERROR_REPLY_LENGTH;
  if (request === 'ica') return (kernel === '6.12' ? 274 : 272) + u16(reply, 272);
  const first = u32(reply, h.offset1) + u32(reply, h.count1);
  if (request === 'ep11') return first;
  const second = u32(reply, h.offset2) + u32(reply, h.count2);
  return kernel === '6.1' || u32(reply, h.count2) > 0 ? second : first;
}
