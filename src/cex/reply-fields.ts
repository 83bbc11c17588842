// SPDX-License-Identifier: Apache-2.0
// Fields of replies that scenarios change, by name: where each of them is in which reply, and whether a driver can notice the change.
// Source: docs/reference/messages.md sections 2.2 (type 80), 2.3 (82, 87, 88), 2.5 (CPRBX), 2.6 (type 86).
import {
  CPRBX,
  ERROR_HEADER,
  REPLY_BLOCK,
  TYPE_80,
  TYPE_82,
  TYPE_86,
  TYPE_87,
  TYPE_88,
  TYPE80_HEADER,
  TYPE86_HEADER,
} from './messages/headers.ts';

/** One field. `length` and `psmid` belong to the queue, and not to the bytes of the reply. */
export interface ReplyFieldRow {
  readonly name: string;
  /** Offset in the reply and bytes; 0 bytes: no place in the reply. */
  readonly offset: number;
  readonly bytes: 0 | 1 | 2 | 4;
  /** Types of replies that have it; empty: all. */
  readonly types: readonly number[];
  /** A driver that looks at headers notices another value. */
  readonly noticed: boolean;
  readonly meaning: string;
}

const ERRORS = [TYPE_82, TYPE_87, TYPE_88];
const block = (offset: number): number => REPLY_BLOCK + offset;

/** The fields of a reply that a fault may change, one row for each. */
export const REPLY_FIELDS = [
  {
    name: 'type',
    offset: ERROR_HEADER.at.type,
    bytes: 1,
    types: [],
    noticed: true,
    meaning: 'type of the message: 80, 82, 86, 87, 88',
  },
  {
    name: 'code',
    offset: ERROR_HEADER.at.code,
    bytes: 1,
    types: [TYPE_80, TYPE_86, ...ERRORS],
    noticed: true,
    meaning: 'reply code',
  },
  {
    name: 'length',
    offset: 0,
    bytes: 0,
    types: [],
    noticed: true,
    meaning: 'bytes that DQAP gives',
  },
  {
    name: 'psmid',
    offset: 0,
    bytes: 0,
    types: [],
    noticed: true,
    meaning: 'last 32 bits of the PSMID',
  },
  {
    name: 'size',
    offset: TYPE80_HEADER.at.length,
    bytes: 2,
    types: [TYPE_80],
    noticed: true,
    meaning: 'length in the header of type 80',
  },
  {
    name: 'apfs',
    offset: TYPE86_HEADER.at.apfs,
    bytes: 4,
    types: [TYPE_86],
    noticed: false,
    meaning: 'failure status of a reply code',
  },
  {
    name: 'count1',
    offset: TYPE86_HEADER.at.count1,
    bytes: 4,
    types: [TYPE_86],
    noticed: true,
    meaning: 'length of the control block',
  },
  {
    name: 'offset1',
    offset: TYPE86_HEADER.at.offset1,
    bytes: 4,
    types: [TYPE_86],
    noticed: false,
    meaning: 'place of the control block',
  },
  {
    name: 'count2',
    offset: TYPE86_HEADER.at.count2,
    bytes: 4,
    types: [TYPE_86],
    noticed: false,
    meaning: 'length of the data',
  },
  {
    name: 'version',
    offset: block(CPRBX.at.version),
    bytes: 1,
    types: [TYPE_86],
    noticed: true,
    meaning: 'version of the CPRB',
  },
  {
    name: 'rc',
    offset: block(CPRBX.at.returnCode),
    bytes: 2,
    types: [TYPE_86],
    noticed: true,
    meaning: 'return code of CCA',
  },
  {
    name: 'rs',
    offset: block(CPRBX.at.reasonCode),
    bytes: 2,
    types: [TYPE_86],
    noticed: false,
    meaning: 'reason code of CCA',
  },
  {
    name: 'domain',
    offset: block(CPRBX.at.domain),
    bytes: 2,
    types: [TYPE_86],
    noticed: false,
    meaning: 'domain of the CPRB',
  },
] as const satisfies readonly ReplyFieldRow[];

/** Highest offset that a `byteN` can name. */
const BYTE_MAX = 61439;
const BYTE = /^byte(\d{1,5})$/;

/** The field with this name: that of a row, or `byteN` for byte N of the reply; undefined if there is none. */
export const replyField = (name: string): ReplyFieldRow | undefined => {
  const row = REPLY_FIELDS.find((candidate) => candidate.name === name);
  if (row !== undefined) return row;
  const offset = Number(BYTE.exec(name)?.[1] ?? Number.NaN);
  if (!(offset <= BYTE_MAX)) return undefined;
  return {
    name: `byte${offset}`,
    offset,
    bytes: 1,
    types: [],
    noticed: false,
    meaning: `byte ${offset}`,
  };
};

/** Largest value of a field. */
export const replyFieldMax = ({ name, bytes }: ReplyFieldRow): number =>
  name === 'psmid' ? 0xffffffff : name === 'length' ? BYTE_MAX + 1 : 2 ** (8 * bytes) - 1;

/** What messages say is expected. */
export const REPLY_FIELD_EXPECTED = `one of ${REPLY_FIELDS.map(({ name }) => name).join(', ')}, byteN, each with =VALUE`;

/** Writes a field into the `length` bytes of a reply; false where the reply has no such field. */
export const setReplyField = (
  row: ReplyFieldRow,
  reply: Uint8Array,
  length: number,
  value: number,
): boolean => {
  if (row.bytes === 0 || row.offset + row.bytes > length) return false;
  const type = reply[ERROR_HEADER.at.type];
  if (row.types.length > 0 && !row.types.includes(type)) return false;
  for (let i = 0; i < row.bytes; i++)
    reply[row.offset + i] = Math.floor(value / 2 ** (8 * (row.bytes - 1 - i))) & 0xff;
  return true;
};
