// SPDX-License-Identifier: Apache-2.0
// An accelerator: type 50 in, type 80 out.
// Source: docs/reference/messages.md 2.1, 2.2, 5.1, 8.2.

import { checkType, errorReply } from '../frame.ts';
import { compareNumbers, putU16, significant, u16 } from '../messages/bytes.ts';
import {
  TYPE_50,
  TYPE_80,
  TYPE50_FORMATS,
  TYPE50_HEADER,
  TYPE80_HEADER,
  type Type50Format,
} from '../messages/headers.ts';
import {
  EVEN_MOD_IN_OPND,
  FORMAT_FIELD,
  INVALID_MSG_LEN,
  MESSAGE_LENGTH,
  OPERAND_INVALID,
  OPERAND_SIZE,
  RESERVED_FIELD,
} from '../messages/reply-codes.ts';
import { FACILITY, has, type Work } from '../model.ts';
import { belowProduct, crtExponentiation, isEven, modularExponentiation } from '../rsa.ts';

/** Operand size that needs the 4K facilities. */
const LARGE_OPERAND = 512;

function reserved(request: Uint8Array): boolean {
  for (const i of [0, 4, 6, 7, 10, 11, 12, 13, 14, 15]) if (request[i] !== 0) return true;
  return false;
}

/** Checks of the message itself: type, lengths, format, facilities. Returns a format or a reply code. */
function checkMessage({ adapter, request }: Work): Type50Format | number {
  const wrong = checkType(request, TYPE_50);
  if (wrong !== 0) return wrong;
  const { length, keyBlockType } = TYPE50_HEADER.at;
  if (request.length < TYPE50_HEADER.size || u16(request, length) !== request.length) {
    return INVALID_MSG_LEN;
  }
  if (adapter.strict && reserved(request)) return RESERVED_FIELD;
  const code = u16(request, keyBlockType);
  const format = TYPE50_FORMATS.find((f) => f.code === code);
  if (format === undefined) return FORMAT_FIELD;
  if (request.length !== format.length) return MESSAGE_LENGTH;
  const needed = format.form === 'mex' ? FACILITY.mex4k : FACILITY.crt4k;
  if (format.operand === LARGE_OPERAND && !has(adapter, needed)) return OPERAND_SIZE;
  return format;
}

function operands(request: Uint8Array, format: Type50Format): Uint8Array[] {
  return format.fields.map((f) => request.subarray(f.offset, f.offset + f.size));
}

/** Computes, or returns a reply code. */
function compute(request: Uint8Array, format: Type50Format): Uint8Array | number {
  if (format.form === 'mex') {
    const [exponent, modulus, message] = operands(request, format) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    if (isEven(modulus)) return EVEN_MOD_IN_OPND;
    if (compareNumbers(message, modulus) >= 0) return OPERAND_INVALID;
    return modularExponentiation(message, exponent, modulus, format.operand);
  }
  const [p, q, dp, dq, u, message] = operands(request, format).map(significant) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  if (isEven(p) || isEven(q)) return EVEN_MOD_IN_OPND;
  if (!belowProduct(message, p, q)) return OPERAND_INVALID;
  return crtExponentiation(message, { p, q, dp, dq, u }, format.operand);
}

/** Answers a request to an accelerator. */
export function processAccelerator(work: Work): number {
  const format = checkMessage(work);
  if (typeof format === 'number') return errorReply(work.reply, format);
  const result = compute(work.request, format);
  if (typeof result === 'number') return errorReply(work.reply, result);
  work.reply.fill(0, 0, TYPE80_HEADER.size);
  work.reply[TYPE80_HEADER.at.type] = TYPE_80;
  putU16(work.reply, TYPE80_HEADER.at.length, format.reply);
  work.reply.set(result, TYPE80_HEADER.size);
  return format.reply;
}
