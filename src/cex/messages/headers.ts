// SPDX-License-Identifier: Apache-2.0
// The headers of all messages: type 50 and 80, error reply, type 6 and 86, CPRBX and EP11 CPRB.
// Source: docs/reference/messages.md sections 2.1 to 2.6 and 2.10.
import { type Layout, layout } from './byte-layout.ts';

/** Message types, byte 1 of every request and reply. Source: messages.md 2.1 to 2.6. */
export const TYPE_6 = 0x06;
export const TYPE_50 = 0x50;
export const TYPE_80 = 0x80;
export const TYPE_82 = 0x82;
export const TYPE_86 = 0x86;
export const TYPE_87 = 0x87;
export const TYPE_88 = 0x88;

/** Length of an error reply, sent as exactly 8 bytes (rule 4). */
export const ERROR_REPLY_LENGTH = 8;
/** Offset of the control block in a type 6 request. */
export const REQUEST_BLOCK = 88;
/** Offset of the control block in a type 86 reply. */
export const REPLY_BLOCK = 48;
/** CPRBX length; the parameter block follows. */
export const CPRBX_LENGTH = 220;
/** Version a CCA reply must carry (rule 3). */
export const CPRBX_VERSION = 2;
/** EP11 CPRB length; the payload follows. */
export const EP11_CPRB_LENGTH = 32;
/** Version an EP11 reply must carry (rule 3). */
export const EP11_CPRB_VERSION = 4;
/** Offset of the CCA parameter block in a request and in a reply. */
export const REQUEST_PARAMETERS = REQUEST_BLOCK + CPRBX_LENGTH;
export const REPLY_PARAMETERS = REPLY_BLOCK + CPRBX_LENGTH;

export const TYPE50_HEADER = layout('type 50 request header', 16, 'messages.md 2.1', {
  type: [1, 1, '0x50'],
  length: [2, 2, 'message length, equal to the NQAP length'],
  keyBlockType: [8, 2, 'format of the operands'],
});

export const TYPE80_HEADER = layout('type 80 reply header', 16, 'messages.md 2.2', {
  type: [1, 1, '0x80'],
  length: [2, 2, 'message length, equal to the DQAP length'],
  code: [4, 1, '0'],
});

export const ERROR_HEADER = layout('error reply', ERROR_REPLY_LENGTH, 'messages.md 2.3', {
  type: [1, 1, '0x82, 0x88 or 0x87'],
  code: [4, 1, 'reply code'],
});

export const TYPE6_HEADER = layout('type 6 request header', 88, 'messages.md 2.4', {
  type: [1, 1, '0x06'],
  right: [4, 4, 'access right, 0'],
  apfs: [12, 4, '0 in requests'],
  offset1: [16, 4, 'control block, 88'],
  offset2: [20, 4, 'data, 0 without data'],
  offset3: [24, 4, '0'],
  offset4: [28, 4, '0'],
  agent: [32, 16, 'CA or XC, zero padded'],
  requestId: [48, 2, '0 (CCA), 1 (EP11)'],
  function: [52, 2, 'first two bytes of the parameter block'],
  toCardLength1: [56, 4, 'control block length, not rounded'],
  toCardLength2: [60, 4, 'data length'],
  toCardLength3: [64, 4, '0'],
  toCardLength4: [68, 4, '0'],
  fromCardLength1: [72, 4, 'room for the reply control block'],
  fromCardLength2: [76, 4, 'room for the reply data'],
  fromCardLength3: [80, 4, '0'],
  fromCardLength4: [84, 4, '0'],
});

export const TYPE86_HEADER = layout('type 86 reply header, format 2', 48, 'messages.md 2.6', {
  type: [1, 1, '0x86'],
  format: [2, 1, '2'],
  code: [4, 1, 'reply code, 0'],
  apfs: [12, 4, 'failure status with a reply code'],
  count1: [16, 4, 'control block length'],
  offset1: [20, 4, '48'],
  count2: [24, 4, 'data length'],
  offset2: [28, 4, '48 + count1, also without data (rule 2)'],
  count3: [32, 4, '0'],
  offset3: [36, 4, '0'],
  count4: [40, 4, '0'],
  offset4: [44, 4, '0'],
});

export const CPRBX = layout('CPRBX', CPRBX_LENGTH, 'messages.md 2.5', {
  length: [0, 2, '220'],
  version: [2, 1, '2'],
  format: [3, 1, 'ctfm, 0'],
  functionId: [6, 2, 'T2 use; T3 T5 T6 T7 administration'],
  requestParameterLength: [12, 4, 'req_parml'],
  requestDataLength: [16, 4, 'req_datal'],
  replyBlockRoom: [20, 4, 'rpl_msgbl'],
  replyParameterLength: [24, 4, 'rpld_parml'],
  replyDataRoom: [28, 4, 'rpl_datal'],
  replyDataLength: [32, 4, 'rpld_datal'],
  requestExtensionLength: [36, 4, 'req_extbl'],
  replyExtensionLength: [44, 4, 'rpld_extbl'],
  pointers: [48, 96, 'six slots of 8 pad + 8 pointer, ignored'],
  returnCode: [144, 2, 'ccp_rtcode'],
  reasonCode: [146, 2, 'ccp_rscode'],
  macLength: [148, 4, 'mac_data_len'],
  logonId: [152, 8, 'logon_id'],
  macValue: [160, 8, 'mac_value'],
  macFlags: [168, 1, 'mac flags'],
  domain: [170, 2, 'target domain'],
});

export const EP11_CPRB = layout('EP11 CPRB', EP11_CPRB_LENGTH, 'messages.md 2.10', {
  length: [0, 2, '32'],
  version: [2, 1, '4'],
  flags: [5, 1, '0x80 administration, 0x20 special'],
  functionId: [6, 2, 'T4'],
  source: [8, 4, 'source_id'],
  target: [12, 4, 'target domain'],
  returnCode: [16, 4, 'FFFFFFFF in requests, 0 in good replies'],
  payloadLength: [28, 4, 'bytes after the CPRB'],
});

/** Flags of the EP11 CPRB. */
export const EP11_FLAG_ADMIN = 0x80;
export const EP11_FLAG_SPECIAL = 0x20;

/** How an operand is placed in a type 50 message. */
export interface Type50Field {
  readonly name: 'exponent' | 'modulus' | 'message' | 'p' | 'q' | 'dp' | 'dq' | 'u';
  readonly offset: number;
  readonly size: number;
}

/** One of the six type 50 formats. */
export interface Type50Format {
  readonly name: 'MEB1' | 'MEB2' | 'MEB3' | 'CRB1' | 'CRB2' | 'CRB3';
  readonly code: number;
  readonly form: 'mex' | 'crt';
  /** Size of the message field and of the result. */
  readonly operand: number;
  /** Request length. */
  readonly length: number;
  /** Length of the reply: 16 plus that of the operand. */
  readonly reply: number;
  readonly fields: readonly Type50Field[];
}

function format(
  name: Type50Format['name'],
  code: number,
  operand: number,
  names: readonly Type50Field['name'][],
): Type50Format {
  const form = names.length === 3 ? 'mex' : 'crt';
  let offset = TYPE50_HEADER.size;
  const fields = names.map((field) => {
    const size = form === 'mex' || field === 'message' ? operand : operand / 2;
    const row = { name: field, offset, size };
    offset += size;
    return row;
  });
  return { name, code, form, operand, length: offset, reply: 16 + operand, fields };
}

const MEX = ['exponent', 'modulus', 'message'] as const;
const CRT = ['p', 'q', 'dp', 'dq', 'u', 'message'] as const;

/** The six formats of type 50, smallest first within a form. Source: messages.md 2.1. */
export const TYPE50_FORMATS: readonly Type50Format[] = [
  format('MEB1', 0x0001, 128, MEX),
  format('MEB2', 0x0002, 256, MEX),
  format('MEB3', 0x0003, 512, MEX),
  format('CRB1', 0x0011, 128, CRT),
  format('CRB2', 0x0012, 256, CRT),
  format('CRB3', 0x0013, 512, CRT),
];

/** The format for an input of `size` bytes; undefined above 512. */
export function type50Format(form: 'mex' | 'crt', size: number): Type50Format | undefined {
  return TYPE50_FORMATS.find((f) => f.form === form && size <= f.operand);
}

/** Every header layout, for tests and for the layouts page. */
export const LAYOUTS: readonly Layout[] = [
  TYPE50_HEADER,
  TYPE80_HEADER,
  ERROR_HEADER,
  TYPE6_HEADER,
  TYPE86_HEADER,
  CPRBX,
  EP11_CPRB,
];
