// SPDX-License-Identifier: Apache-2.0
// The tables of native-like/arch: every scalar stands in a row or derives from one, rows agree with each other, and fields do
// not overlap.
import { describe, expect, it } from 'vitest';
import * as adapterTypes from '../../native-like/arch/adapter-types.ts';
import * as facilities from '../../native-like/arch/facilities.ts';
import * as functionCodes from '../../native-like/arch/function-codes.ts';
import * as instructions from '../../native-like/arch/instructions.ts';
import * as limits from '../../native-like/arch/limits.ts';
import * as program from '../../native-like/arch/program-interruptions.ts';
import * as qci from '../../native-like/arch/qci.ts';
import * as registers from '../../native-like/arch/registers.ts';
import * as responseCodes from '../../native-like/arch/response-codes.ts';
import * as sie from '../../native-like/arch/sie.ts';
import * as statusWord from '../../native-like/arch/status-word.ts';
import { CRYCB_FORMATS, CRYCB_LAYOUT } from '../../native-like/blocks/crycb.ts';
import { STATE_DESCRIPTION_LAYOUT } from '../../native-like/blocks/state-description.ts';

/** Numbers a module exports by name, those whose name matches. */
const scalars = (module: object, name: RegExp): [string, number][] =>
  Object.entries(module).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number' && name.test(entry[0]),
  );

describe('every scalar stands in a table', () => {
  const TABLES: readonly (readonly [string, object, RegExp, readonly number[]])[] = [
    [
      'OPCODE_',
      instructions,
      /^OPCODE_(?!TPI|STCRW|CHSC)/,
      instructions.INSTRUCTIONS.map((row) => row.opcode),
    ],
    ['FC_', functionCodes, /^FC_(?!COUNT)/, functionCodes.FUNCTION_CODES.map((row) => row.code)],
    [
      'AP_RESPONSE_',
      responseCodes,
      /^AP_RESPONSE_/,
      responseCodes.RESPONSE_CODES.map((row) => row.code),
    ],
    ['PGM_', program, /^PGM_/, program.PROGRAM_INTERRUPTIONS.map((row) => row.code)],
    ['STFLE_', facilities, /^STFLE_/, facilities.FACILITIES.map((row) => row.stfle)],
    ['QCI_FLAG_', qci, /^QCI_FLAG_/, qci.QCI_FLAG_ROWS.map((row) => row.mask)],
    ['MODE_', adapterTypes, /^MODE_/, adapterTypes.ADAPTER_MODES.map((row) => row.number)],
    ['CRYCB_FORMAT_', sie, /^CRYCB_FORMAT_/, CRYCB_FORMATS.map((row) => row.format)],
    ['SD_', sie, /^SD_(?!BYTES|GCR)/, STATE_DESCRIPTION_LAYOUT.map((row) => row.offset)],
    ['CRYCB_APCB', sie, /^CRYCB_(APCB\d|WRAPPING_KEYS)$/, CRYCB_LAYOUT.map((row) => row.offset)],
  ];

  it.each(TABLES)('%s', (_prefix, module, name, values) => {
    const named = scalars(module, name);
    expect(named.length).toBeGreaterThan(1);
    expect(named.filter(([, value]) => !values.includes(value))).toEqual([]);
    // And no row without a name: each value of the table is one of the scalars.
    if (_prefix !== 'SD_' && _prefix !== 'CRYCB_APCB')
      expect(values.filter((value) => !named.some(([, scalar]) => scalar === value))).toEqual([]);
  });

  const SINGLE_BIT: readonly (readonly [string, object, RegExp, number, FieldRows])[] = [
    [
      'STATUS_',
      statusWord,
      /^STATUS_(EMPTY|REPLIES|FULL|ASYNC|IRQ|RC_MASK)$/,
      32,
      statusWord.STATUS_FIELDS,
    ],
    ['GR2_', registers, /^GR2_(S|M|C|D|A|X|N|H|BS_MASK)$/, 0, registers.TAPQ_GR2_FIELDS],
    ['AQIC_ high', registers, /^AQIC_(IR|GISC_MASK|GF_MASK)$/, 0, registers.AQIC_FIELDS],
    ['AQIC_ low', registers, /^AQIC_(GISA_MASK|ISC_MASK)$/, 32, registers.AQIC_FIELDS],
    ['NQAP_', registers, /^NQAP_(L|SPECIAL)$/, 32, registers.NQAP_GR0_FIELDS],
    ['DQAP_', registers, /^DQAP_(START|TOKEN_MASK)$/, 32, registers.DQAP_GR0_FIELDS],
  ];
  type FieldRows = readonly statusWord.FieldRow[];

  it.each(SINGLE_BIT)(
    'the masks %s are the bits of their fields',
    (_prefix, module, name, base, rows) => {
      const masks = rows.map((row) => maskOf(row.bits, base));
      const named = scalars(module, name);
      expect(named.length).toBeGreaterThan(1);
      expect(named.filter(([, mask]) => !masks.includes(mask >>> 0))).toEqual([]);
    },
  );

  it('reserved bits of NQAP and DQAP are those of their fields', () => {
    const reserved = (rows: FieldRows): number =>
      rows
        .filter((row) => row.name === 'reserved')
        .reduce((sum, row) => (sum | maskOf(row.bits, 32)) >>> 0, 0);
    expect(reserved(registers.NQAP_GR0_FIELDS)).toBe(registers.NQAP_RESERVED >>> 0);
    expect(reserved(registers.DQAP_GR0_FIELDS)).toBe(registers.DQAP_RESERVED >>> 0);
  });

  it('facility-word bits are single bits, each once', () => {
    const bits = scalars(facilities, /^FACILITY_/);
    expect(bits).toHaveLength(11);
    expect(bits.every(([, bit]) => (bit & (bit - 1)) === 0 && bit > 0)).toBe(true);
    expect(new Set(bits.map(([, bit]) => bit)).size).toBe(bits.length);
  });
});

/** Mask of a field within the 32 bits that start at bit `base`; -1 outside. */
const maskOf = ([first, last]: readonly [number, number], base: number): number => {
  if (first < base || last > base + 31) return -1;
  const width = last - first + 1;
  const ones = width === 32 ? 0xffffffff : 2 ** width - 1;
  return (ones << (base + 31 - last)) >>> 0;
};

describe('fields of registers', () => {
  it.each([
    ['status word', statusWord.STATUS_FIELDS],
    ['TAPQ GR2', registers.TAPQ_GR2_FIELDS],
    ['AQIC GR1', registers.AQIC_FIELDS],
    ['QACT word', registers.QACT_FIELDS],
    ['NQAP GR0', registers.NQAP_GR0_FIELDS],
    ['DQAP GR0', registers.DQAP_GR0_FIELDS],
  ] as const)('%s: ascending, inside the register, no overlap', (_name, rows) => {
    let next = 0;
    for (const { bits, name } of rows) {
      expect(bits[0], name).toBeGreaterThanOrEqual(next);
      expect(bits[1], name).toBeGreaterThanOrEqual(bits[0]);
      next = bits[1] + 1;
    }
    expect(next).toBeLessThanOrEqual(64);
  });

  it('flags, response code and reserved bits make up the status word', () => {
    const { STATUS_FLAGS, STATUS_ASYNC, STATUS_RC_MASK, STATUS_RESERVED } = statusWord;
    const all = [STATUS_FLAGS, STATUS_ASYNC, STATUS_RC_MASK, STATUS_RESERVED];
    expect(all.reduce((a, b) => a | b) >>> 0).toBe(0xffffffff);
    expect(all.reduce((a, b) => a ^ b) >>> 0).toBe(0xffffffff);
  });
});

describe('response codes', () => {
  const { RESPONSE_CODES } = responseCodes;
  it('each value once, ascending: the 24 of the reference and 00', () => {
    const codes = RESPONSE_CODES.map((row) => row.code);
    expect(codes).toEqual([...new Set(codes)].sort((a, b) => a - b));
    expect(codes).toHaveLength(25);
  });

  it.each(RESPONSE_CODES.map((row) => [row.name, row] as const))(
    '%s: CC, A bit, functions',
    (_name, row) => {
      expect(row.cc).toBe(row.code === 0 ? 0 : 3);
      expect(row.async).toBe(row.code === 0x35 || row.code === 0x36);
      const letters = [...row.handled, ...row.mayOccur];
      expect(letters.length).toBeGreaterThan(0);
      expect(letters.every((letter) => 'TRZAQBSND'.includes(letter))).toBe(true);
      expect(new Set(letters).size).toBe(letters.length);
    },
  );
});

describe('machine profiles', () => {
  const { MACHINE_PROFILES, ADAPTER_TYPES } = adapterTypes;
  it.each(MACHINE_PROFILES.map((row) => [row.name, row] as const))(
    '%s names types and facilities that exist, its QCI flags have S',
    (_name, row) => {
      const types = ADAPTER_TYPES.map((type) => type.number);
      const stfle = facilities.FACILITIES.map((facility) => facility.stfle);
      expect(row.types.filter((type) => !types.includes(type))).toEqual([]);
      expect(row.facilities.filter((bit) => !stfle.includes(bit))).toEqual([]);
      expect(row.qciFlags & qci.QCI_FLAG_S).toBe(qci.QCI_FLAG_S);
      expect(row.na).toBeLessThanOrEqual(255);
      expect(row.nd).toBeLessThanOrEqual(255);
    },
  );

  it('a message limit field gives 12288 bytes for 0, else 4 KiB each', () => {
    expect([0, 1, 3, 15].map(limits.messageLimit)).toEqual([12288, 4096, 12288, 61440]);
  });
});
