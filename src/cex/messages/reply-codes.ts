// SPDX-License-Identifier: Apache-2.0
// The reply codes of error replies and the CCA and EP11 return codes, with what a Linux guest makes of each.
// Source: docs/reference/messages.md sections 3.1, 3.3 and 3.4.

/** A code in byte 4 of an 82, 88 or 87 reply, or in a type 86 header. */
export interface ReplyCode {
  readonly code: number;
  readonly name: string;
  /** errno a Linux driver derives: EINVAL ends the request, EAGAIN tries another queue. */
  readonly errno: 'EINVAL' | 'EAGAIN';
  /** A Linux 6.1 guest also asks for a bus rescan. */
  readonly rescan: boolean;
}

export const MACHINE_FAILURE = 0x10;
export const PREEMPT_FAILURE = 0x12;
export const MESSAGE_TYPE = 0x20;
export const MESSAGE_MALFORMED = 0x22;
export const INVALID_MSG_LEN = 0x23;
export const RESERVED_FIELD = 0x24;
export const FORMAT_FIELD = 0x29;
export const MALFORMED_MSG = 0x40;
export const INVALID_SPECIAL_CMD = 0x41;
export const MESSAGE_LENGTH = 0x80;
export const OPERAND_INVALID = 0x82;
export const OPERAND_SIZE = 0x84;
export const EVEN_MOD_IN_OPND = 0x85;
export const INVALID_DOMAIN_PENDING = 0x8a;
export const FILTERED_BY_HYPERVISOR = 0x8b;
export const PACKET_TRUNCATED = 0xa0;

function row(code: number, name: string, errno: ReplyCode['errno'], rescan = false): ReplyCode {
  return { code, name, errno, rescan };
}

/** Every code of messages.md 3.1; any other value is EAGAIN for a guest. */
export const REPLY_CODES: readonly ReplyCode[] = [
  row(MACHINE_FAILURE, 'MACHINE_FAILURE', 'EAGAIN', true),
  row(PREEMPT_FAILURE, 'PREEMPT_FAILURE', 'EAGAIN'),
  row(0x14, 'CHECKPT_FAILURE', 'EAGAIN'),
  row(MESSAGE_TYPE, 'MESSAGE_TYPE', 'EAGAIN', true),
  row(0x21, 'INVALID_COMM_CD', 'EAGAIN'),
  row(MESSAGE_MALFORMED, 'MESSAGE_MALFORMD', 'EINVAL'),
  row(INVALID_MSG_LEN, 'INVALID_MSG_LEN', 'EINVAL'),
  row(RESERVED_FIELD, 'RESERVD_FIELD', 'EINVAL'),
  row(FORMAT_FIELD, 'FORMAT_FIELD', 'EINVAL'),
  row(0x30, 'INVALID_COMMAND', 'EAGAIN'),
  row(0x34, 'KEY_TYPE', 'EINVAL'),
  row(MALFORMED_MSG, 'MALFORMED_MSG', 'EINVAL'),
  row(INVALID_SPECIAL_CMD, 'INVALID_SPECIAL_CMD', 'EINVAL'),
  row(0x42, 'INVALID_DOMAIN', 'EAGAIN'),
  row(0x50, 'RESERVED_FIELDO', 'EAGAIN'),
  row(0x60, 'WORD_ALIGNMENT', 'EAGAIN'),
  row(MESSAGE_LENGTH, 'MESSAGE_LENGTH', 'EINVAL'),
  row(OPERAND_INVALID, 'OPERAND_INVALID', 'EINVAL'),
  row(OPERAND_SIZE, 'OPERAND_SIZE', 'EINVAL'),
  row(EVEN_MOD_IN_OPND, 'EVEN_MOD_IN_OPND', 'EINVAL'),
  row(0x88, 'RESERVED_FIELD', 'EAGAIN'),
  row(INVALID_DOMAIN_PENDING, 'INVALID_DOMAIN_PENDING', 'EINVAL'),
  row(FILTERED_BY_HYPERVISOR, 'FILTERED_BY_HYPERVISOR', 'EINVAL'),
  row(0x90, 'TRANSPORT_FAIL', 'EAGAIN', true),
  row(PACKET_TRUNCATED, 'PACKET_TRUNCATED', 'EINVAL'),
  row(0xb0, 'ZERO_BUFFER_LEN', 'EAGAIN'),
];

/** A CCA return code and reason code. */
export interface CcaCode {
  readonly rc: number;
  readonly rs: number;
  readonly name: string;
  /** An RSA request of the kernel tolerates it; any other nonzero rc sets the guest's queue offline (rule 11). */
  readonly tolerated: boolean;
}

function cca(rc: number, rs: number, name: string, tolerated = false): CcaCode {
  return { rc, rs, name, tolerated };
}

/** CCA codes by what they say. Source: messages.md 3.3. */
export const CCA = {
  ok: cca(0, 0, 'success'),
  notVerified: cca(4, 429, 'digital signature not verified'),
  badExternalToken: cca(8, 12, 'token validation value wrong (external)'),
  mkvp: cca(8, 24, 'master key verification pattern not valid'),
  textLength: cca(8, 25, 'text length not valid'),
  badToken: cca(8, 29, 'token validation value wrong (internal)'),
  keyword: cca(8, 33, 'bad rule keyword'),
  keywords: cca(8, 34, 'bad combination of rule keywords'),
  ruleCount: cca(8, 35, 'wrong rule count'),
  otherMasterKey: cca(8, 48, 'key enciphered under another master key'),
  operand: cca(8, 65, 'RSA operand not valid', true),
  tooLarge: cca(8, 66, 'RSA data not below the modulus', true),
  rsaKey: cca(8, 72, 'RSA key not valid', true),
  rsaSize: cca(8, 770, 'RSA key size not allowed', true),
  wrapUnavailable: cca(8, 2290, 'protected key wrapping temporarily not possible'),
  notLoaded: cca(12, 338, 'CCA not loaded'),
  noMasterKey: cca(12, 764, 'master key register not loaded'),
  unknownFunction: cca(12, 769, 'function not available', true),
  failure: cca(16, 336, 'hardware or software error'),
  internal: cca(16, 337, 'internal error'),
  vudLength: cca(16, 444, 'verb unique data length not valid'),
  inconsistent: cca(16, 556, 'request parameter block not consistent'),
} as const satisfies Record<string, CcaCode>;

/** EP11 return values (payload rc). Source: messages.md 3.4; 0x80010000 is the vendor base. */
export const EP11 = {
  ok: 0,
  generalError: 0x5,
  argumentsBad: 0x7,
  dataInvalid: 0x20,
  dataLength: 0x21,
  encryptedDataInvalid: 0x40,
  encryptedDataLength: 0x41,
  keySize: 0x62,
  keyType: 0x63,
  keyFunction: 0x68,
  mechanismInvalid: 0x70,
  mechanismParameter: 0x71,
  signatureInvalid: 0xc0,
  signatureLength: 0xc1,
  templateIncomplete: 0xd0,
  templateInconsistent: 0xd1,
  bufferTooSmall: 0x150,
  wkidMismatch: 0x80010001,
  internalError: 0x80010002,
  blobError: 0x80010004,
  wkNotInitialized: 0x80010009,
  apiMismatch: 0x80010013,
  targetInvalid: 0x80010030,
} as const;

/** CPRB ret_code that says protected key creation is busy. Source: messages.md 3.4. */
export const EP11_BUSY = 0x000c0003;
