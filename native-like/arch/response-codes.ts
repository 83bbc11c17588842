// SPDX-License-Identifier: Apache-2.0
// Response codes of the AP instructions: value, name, where they occur, condition code, A bit.
// Source: docs/reference/ap-architecture.md section 2.1 (Linux drivers/s390/crypto/ap_bus.h).
// Status: architected; letters in `mayOccur` are inferred.

export const AP_RESPONSE_NORMAL = 0x00;
export const AP_RESPONSE_Q_NOT_AVAIL = 0x01;
export const AP_RESPONSE_RESET_IN_PROGRESS = 0x02;
export const AP_RESPONSE_DECONFIGURED = 0x03;
export const AP_RESPONSE_CHECKSTOPPED = 0x04;
export const AP_RESPONSE_BUSY = 0x05;
export const AP_RESPONSE_INVALID_ADDRESS = 0x06;
export const AP_RESPONSE_OTHERWISE_CHANGED = 0x07;
export const AP_RESPONSE_INVALID_GISA = 0x08;
export const AP_RESPONSE_Q_BOUND_TO_ANOTHER = 0x09;
export const AP_RESPONSE_STATE_CHANGE_IN_PROGRESS = 0x0a;
export const AP_RESPONSE_Q_NOT_BOUND = 0x0b;
export const AP_RESPONSE_Q_FULL = 0x10;
/** The same value as Q_FULL, when DQAP returns it. */
export const AP_RESPONSE_NO_PENDING_REPLY = 0x10;
export const AP_RESPONSE_INDEX_TOO_BIG = 0x11;
export const AP_RESPONSE_NO_FIRST_PART = 0x13;
export const AP_RESPONSE_MESSAGE_TOO_BIG = 0x15;
export const AP_RESPONSE_REQ_FAC_NOT_INST = 0x16;
export const AP_RESPONSE_Q_BIND_ERROR = 0x30;
export const AP_RESPONSE_Q_NOT_AVAIL_FOR_ASSOC = 0x31;
export const AP_RESPONSE_Q_NOT_EMPTY = 0x32;
export const AP_RESPONSE_BIND_LIMIT_EXCEEDED = 0x33;
export const AP_RESPONSE_INVALID_ASSOC_SECRET = 0x34;
export const AP_RESPONSE_ASSOC_SECRET_NOT_UNIQUE = 0x35;
export const AP_RESPONSE_ASSOC_FAILED = 0x36;
export const AP_RESPONSE_INVALID_DOMAIN = 0x42;

/**
 * One row. Functions are letters: T TAPQ, R RAPQ, Z ZAPQ, A AQIC, Q QACT, B BAPQ, S AAPQ, N NQAP, D DQAP; upper table of the
 * source: `handled` is what drivers name, `mayOccur` what only a default branch catches.
 */
/** Condition codes: accepted or done; with a response code. */
export const CC_NORMAL = 0;
export const CC_RESPONSE = 3;

export interface ResponseCodeRow {
  readonly code: number;
  readonly name: string;
  readonly handled: string;
  readonly mayOccur: string;
  readonly meaning: string;
  readonly cc: number;
  /** Whether the A bit comes with this code. */
  readonly async: boolean;
  /** State flags E R F I are shown with this code (AD-12). */
  readonly flags: boolean;
  /** Whether Linux 6.1 does not have this code. */
  readonly since64: boolean;
}

const row = (
  code: number,
  name: string,
  handled: string,
  mayOccur: string,
  meaning: string,
  marks = '',
): ResponseCodeRow => ({
  code,
  name,
  handled,
  mayOccur,
  meaning,
  cc: code === AP_RESPONSE_NORMAL ? CC_NORMAL : CC_RESPONSE,
  async: marks.includes('A'),
  flags: marks.includes('f'),
  since64: marks.includes('+'),
});

// Marks: A asynchronous, f state flags shown, + newer than Linux 6.1.
export const RESPONSE_CODES: readonly ResponseCodeRow[] = [
  row(AP_RESPONSE_NORMAL, 'NORMAL', 'TRZAQBSND', '', 'done, accepted', 'f'),
  row(
    AP_RESPONSE_Q_NOT_AVAIL,
    'Q_NOT_AVAIL',
    'TA',
    'RZNDQBS',
    'APQN not available to this program',
  ),
  row(
    AP_RESPONSE_RESET_IN_PROGRESS,
    'RESET_IN_PROGRESS',
    'TRZAN',
    'DBS',
    'RAPQ or ZAPQ running',
    'f',
  ),
  row(AP_RESPONSE_DECONFIGURED, 'DECONFIGURED', 'TZA', 'RND', 'adapter standby'),
  row(AP_RESPONSE_CHECKSTOPPED, 'CHECKSTOPPED', 'TZA', 'RND', 'adapter checkstop'),
  row(AP_RESPONSE_BUSY, 'BUSY', 'TZA', 'RND', 'try again later'),
  row(AP_RESPONSE_INVALID_ADDRESS, 'INVALID_ADDRESS', 'A', '', 'notification byte unusable'),
  row(
    AP_RESPONSE_OTHERWISE_CHANGED,
    'OTHERWISE_CHANGED',
    'A',
    '',
    'already in the requested state',
  ),
  row(
    AP_RESPONSE_INVALID_GISA,
    'INVALID_GISA',
    '',
    'A',
    'GISA origin or format unusable (host only)',
  ),
  row(
    AP_RESPONSE_Q_BOUND_TO_ANOTHER,
    'Q_BOUND_TO_ANOTHER',
    '',
    'BTRZANDS',
    'bound to another guest',
    '+',
  ),
  row(
    AP_RESPONSE_STATE_CHANGE_IN_PROGRESS,
    'STATE_CHANGE_IN_PROGRESS',
    'ZS',
    'TRABND',
    'bind, associate or unbind running',
    '+',
  ),
  row(AP_RESPONSE_Q_NOT_BOUND, 'Q_NOT_BOUND', '', 'NDS', 'secure-execution queue not bound', '+'),
  row(
    AP_RESPONSE_Q_FULL,
    'Q_FULL / NO_PENDING_REPLY',
    'ND',
    '',
    'NQAP: queue full; DQAP: nothing to dequeue',
    'f',
  ),
  row(AP_RESPONSE_INDEX_TOO_BIG, 'INDEX_TOO_BIG', '', 'ND', 'part index out of range'),
  row(AP_RESPONSE_NO_FIRST_PART, 'NO_FIRST_PART', '', 'ND', 'continuation without a start'),
  row(AP_RESPONSE_MESSAGE_TOO_BIG, 'MESSAGE_TOO_BIG', 'N', 'D', 'message too long'),
  row(
    AP_RESPONSE_REQ_FAC_NOT_INST,
    'REQ_FAC_NOT_INST',
    'N',
    '',
    'facility wanted by the request is missing',
  ),
  row(AP_RESPONSE_Q_BIND_ERROR, 'Q_BIND_ERROR', '', 'B', 'bind failed', '+'),
  row(
    AP_RESPONSE_Q_NOT_AVAIL_FOR_ASSOC,
    'Q_NOT_AVAIL_FOR_ASSOC',
    '',
    'S',
    'queue cannot be associated',
    '+',
  ),
  row(AP_RESPONSE_Q_NOT_EMPTY, 'Q_NOT_EMPTY', '', 'S', 'queue must be empty', '+'),
  row(
    AP_RESPONSE_BIND_LIMIT_EXCEEDED,
    'BIND_LIMIT_EXCEEDED',
    '',
    'B',
    'too many bound queues',
    '+',
  ),
  row(
    AP_RESPONSE_INVALID_ASSOC_SECRET,
    'INVALID_ASSOC_SECRET',
    '',
    'S',
    'index names no usable secret',
    '+',
  ),
  row(
    AP_RESPONSE_ASSOC_SECRET_NOT_UNIQUE,
    'ASSOC_SECRET_NOT_UNIQUE',
    'T',
    'RZABSND',
    'secret already in use',
    '+A',
  ),
  row(AP_RESPONSE_ASSOC_FAILED, 'ASSOC_FAILED', 'T', 'RZABSND', 'association failed', '+A'),
  row(AP_RESPONSE_INVALID_DOMAIN, 'INVALID_DOMAIN', 'N', '', 'target domain not allowed'),
];
