// SPDX-License-Identifier: Apache-2.0
// Reply shapes no card sends: what a fuzzing user can make of a good reply, and what each does to a Linux guest.
// Source: docs/reference/messages.md 8.3, 0.2.

import { ascii, putU16, putU32, u16, u32 } from './messages/bytes.ts';
import { RNG_MAX } from './messages/cca.ts';
import {
  CPRBX,
  CPRBX_LENGTH,
  EP11_CPRB,
  EP11_CPRB_LENGTH,
  REPLY_BLOCK,
  REPLY_PARAMETERS,
  REQUEST_PARAMETERS,
  TYPE_80,
  TYPE_86,
  TYPE80_HEADER,
  TYPE86_HEADER,
} from './messages/headers.ts';
import type { Work } from './model.ts';
import { DRAFT_BYTES } from './model.ts';

/** Changes the reply of `size` bytes in the draft; returns the new size. Replies it does not apply to stay as they are. */
export type Spoil = (work: Work, size: number, value: number) => number;

/** One malformed reply that a fault can ask for. */
export interface ReplyShape {
  readonly name: string;
  /** Number of the row in messages.md 8.3. */
  readonly row: number;
  /** Value used when the injection gives none; `value` says what it is. */
  readonly standard: number;
  readonly value: string;
  /** What a guest with Linux 6.12 does about it. */
  readonly effect: string;
  /** Set if it can crash, leak or corrupt the guest kernel: only with `allowGuestDamage`. */
  readonly danger?: string;
  readonly spoil: Spoil;
}

const H = TYPE86_HEADER.at;

function is86(work: Work): boolean {
  return work.reply[1] === TYPE_86;
}

function code(work: Work): string {
  return String.fromCharCode(work.reply[REPLY_PARAMETERS], work.reply[REPLY_PARAMETERS + 1]);
}

function isRsa(work: Work): boolean {
  return is86(work) && work.reply[REPLY_BLOCK + 2] === 2 && /^P[KD]$/.test(code(work));
}

function isRng(work: Work): boolean {
  return is86(work) && code(work) === 'RL' && u32(work.reply, H.count2) > 0;
}

/** Gives type 86 a new count1 and moves the end of the reply there; data, if any, is dropped. */
function setBlock(work: Work, size: number, count1: number): number {
  const total = Math.min(REPLY_BLOCK + count1, DRAFT_BYTES);
  if (total > size) work.reply.fill(0, size, total);
  putU32(work.reply, H.count1, total - REPLY_BLOCK);
  putU32(work.reply, H.count2, 0);
  putU32(work.reply, H.offset2, total);
  return total;
}

const wrongType: Spoil = ({ reply }, size, value) => {
  reply[1] = value;
  return size;
};

const echo: Spoil = ({ reply, request }) => {
  reply.set(request);
  return request.length;
};

const wrongLength: Spoil = (work, size, value) => {
  if (work.reply[1] === TYPE_80) putU16(work.reply, TYPE80_HEADER.at.length, value);
  if (isRsa(work)) putU16(work.reply, 272, value);
  else if (is86(work) && u32(work.reply, H.count2) === 0) putU32(work.reply, H.count1, value);
  return size;
};

const type80Length: Spoil = ({ reply }, size, value) => {
  if (reply[1] !== TYPE_80) return size;
  const length = Math.min(value, 0xffff);
  if (length > size) reply.fill(0, size, length);
  putU16(reply, TYPE80_HEADER.at.length, length);
  return Math.max(length, 8);
};

/** Never longer than a good reply: that is another shape. */
const type80Short: Spoil = (work, size, value) =>
  value < size ? type80Length(work, size, value) : size;

const version: Spoil = (work, size, value) => {
  if (is86(work)) work.reply[REPLY_BLOCK + CPRBX.at.version] = value;
  return size;
};

const zeroOffset2: Spoil = (work, size) => {
  if (is86(work)) {
    putU32(work.reply, H.offset2, 0);
    putU32(work.reply, H.count2, 0);
  }
  return size;
};

const largeBlock: Spoil = (work, size, value) => (is86(work) ? setBlock(work, size, value) : size);

const outside: Spoil = (work, size, value) => {
  if (!is86(work)) return size;
  if (u32(work.reply, H.count2) === 0) {
    work.reply.fill(0, size, size + 4);
    putU32(work.reply, H.count2, 4);
  }
  putU32(work.reply, H.offset1, value);
  return u32(work.reply, H.offset2) + u32(work.reply, H.count2);
};

const rngCount: Spoil = (work, size, value) => {
  if (!isRng(work)) return size;
  const data = u32(work.reply, H.offset2);
  const count = Math.min(value, DRAFT_BYTES - data);
  if (data + count > size) work.context.random(work.reply.subarray(size, data + count));
  putU32(work.reply, H.count2, count);
  return data + count;
};

/** Replaces an RSA result by its last `length` bytes, or by as many more leading zeros. */
function resize(work: Work, size: number, change: number): number {
  if (!isRsa(work)) return size;
  const { reply } = work;
  const n = u16(reply, 272) - 2;
  const length = Math.min(Math.max(n + change, 0), 1024);
  const result = new Uint8Array(length);
  const kept = Math.min(n, length);
  result.set(reply.subarray(274 + n - kept, 274 + n), length - kept);
  reply.set(result, 274);
  putU16(reply, 272, length + 2);
  putU16(reply, 274 + length, 2);
  return setBlock(work, 276 + length, CPRBX_LENGTH + 8 + length);
}

const shortResult: Spoil = (work, size, value) => resize(work, size, -value);
const longResult: Spoil = (work, size, value) => resize(work, size, value);

/** FQ: cuts the rule array to `value` elements; 0 leaves an empty one before the var data (rule 8). */
const fewRules: Spoil = (work, size, value) => {
  if (!is86(work) || code(work) !== 'FQ') return size;
  const { reply } = work;
  const old = u16(reply, REPLY_PARAMETERS + 2);
  const length = Math.min(old, 2 + 8 * value);
  reply.copyWithin(REPLY_PARAMETERS + 2 + length, REPLY_PARAMETERS + 2 + old, size);
  putU16(reply, REPLY_PARAMETERS + 2, length);
  const parameters = size - REPLY_PARAMETERS - (old - length);
  putU32(reply, REPLY_BLOCK + CPRBX.at.replyParameterLength, parameters);
  return setBlock(work, size, CPRBX_LENGTH + parameters);
};

function isEp11Data(work: Work): boolean {
  return is86(work) && work.reply[REPLY_BLOCK + 2] === 4 && work.reply[102] === 0x04;
}

/** EP11: the data's tag in the two-byte form, content moved up. */
const shortTag: Spoil = (work, size) => {
  if (!isEp11Data(work)) return size;
  const { reply } = work;
  const length = u16(reply, 104);
  if (reply[103] !== 0x82 || length > 126) return size;
  reply[103] = length;
  reply.copyWithin(104, 106, size);
  putU16(reply, 82, u16(reply, 82) - 2);
  const payload = u32(reply, REPLY_BLOCK + EP11_CPRB.at.payloadLength) - 2;
  putU32(reply, REPLY_BLOCK + EP11_CPRB.at.payloadLength, payload);
  return setBlock(work, size, EP11_CPRB_LENGTH + payload);
};

/** EP11: the data's length field alone. */
const dataLength: Spoil = (work, size, value) => {
  if (isEp11Data(work)) putU16(work.reply, 104, value);
  return size;
};

const bitFlips: Spoil = ({ reply, context }, size, value) => {
  const random = new Uint8Array(4);
  for (let i = 0; i < value && size > 8; i++) {
    context.random(random);
    const bit = u32(random, 0) % (8 * (size - 8));
    reply[8 + (bit >> 3)] ^= 1 << (bit & 7);
  }
  return size;
};

function shape(
  name: string,
  row: number,
  standard: number,
  value: string,
  effect: string,
  spoil: Spoil,
  danger?: string,
): ReplyShape {
  const harmless = { name, row, standard, value, effect, spoil };
  return danger === undefined ? harmless : { ...harmless, danger };
}

/** Operand field of the longest type 80 reply; a kernel believes the length field up to its buffer. Source: messages.md 0.2 rule 5. */
const TYPE80_PANIC = { from: 529, to: 1808 } as const;

/** Whether an RL request gets a reply that a kernel takes for good and that leaves its index or its page (rows 9 and 10). */
function spoilsRandom({ request, reply }: Work): boolean {
  if (ascii(request, REQUEST_PARAMETERS, 2) !== 'RL' || reply[REPLY_BLOCK + 2] !== 2) return false;
  const good =
    reply[H.code] === 0 &&
    u16(reply, REPLY_BLOCK + CPRBX.at.returnCode) === 0 &&
    u16(reply, REPLY_BLOCK + CPRBX.at.reasonCode) === 0;
  const count = u32(reply, H.count2);
  return good && (count < 4 || count > RNG_MAX);
}

/** Whether a reply of `size` bytes can crash, leak from or corrupt a guest kernel: rows 4, 8, 9 and 10 of messages.md 8.3. */
export function damagesGuest(work: Work, size: number): boolean {
  const { reply } = work;
  if (reply[1] === TYPE_80) {
    const length = u16(reply, TYPE80_HEADER.at.length);
    return length >= TYPE80_PANIC.from && length <= TYPE80_PANIC.to;
  }
  if (!is86(work)) return false;
  const leaks = u32(reply, H.count2) > 0 && u32(reply, H.offset1) + u32(reply, H.count1) > size;
  return leaks || spoilsRandom(work);
}

/** All shapes, in the order of messages.md 8.3. Rows not here are codes, or the machine's (lost, late, reordered replies). */
export const REPLY_SHAPES: readonly ReplyShape[] = [
  shape('wrong-type', 2, 0x84, 'type byte', 'queue offline', wrongType),
  shape('echo', 2, 0, 'none', 'queue offline', echo),
  shape('wrong-length', 3, 0xffff, 'length field', 'EMSGSIZE', wrongLength),
  shape(
    'type80-long',
    4,
    1808,
    'type 80 length, 529 to 1808',
    'kernel panic',
    type80Length,
    'panics the guest kernel (BUG_ON in the type 80 conversion)',
  ),
  shape('type80-short', 5, 24, 'type 80 length below 16+n', 'queue offline', type80Short),
  shape('version', 5, 3, 'CPRB version', 'queue offline', version),
  shape('zero-offset2', 6, 0, 'none', 'fine; 6.1: queue offline', zeroOffset2),
  shape('large-block', 7, 5000, 'count1', 'EMSGSIZE', largeBlock),
  shape(
    'outside',
    8,
    0x4000,
    'offset1 beyond the reply',
    'leak',
    outside,
    'copies memory of the guest kernel that is not the reply to its user space',
  ),
  shape(
    'rng-long',
    9,
    8192,
    'RL count2 above 4096',
    'overrun',
    rngCount,
    'overruns a one-page buffer of the guest kernel',
  ),
  shape(
    'rng-short',
    10,
    0,
    'RL count2, 0 to 3',
    'negative index',
    rngCount,
    'makes the guest kernel read before its random number buffer from then on',
  ),
  shape('few-rules', 19, 0, 'rule elements of FQ', 'values shown as -', fewRules),
  shape('short-tag', 20, 0, 'none', 'EIO', shortTag),
  shape('data-length', 20, 197, 'EP11 data length field', 'ENOSPC or EMSGSIZE', dataLength),
  shape('short-result', 22, 1, 'bytes missing', 'tail of the user buffer unwritten', shortResult),
  shape('long-result', 22, 1, 'leading zeros', 'EMSGSIZE', longResult),
  shape(
    'bit-flips',
    25,
    8,
    'number of bits',
    'parser robustness',
    bitFlips,
    'can become any of the other damaging shapes',
  ),
];
