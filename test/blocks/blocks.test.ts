// SPDX-License-Identifier: Apache-2.0
// Control blocks against golden bytes, written by hand from docs/reference/ap-architecture.md sections 1.10, 4.2, 6.2, 6.7 and 8.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assertLayout,
  type BlockField,
  emptyMask,
  idsOf,
  maskOf,
} from '../../native-like/blocks/block.ts';
import {
  APCB0_LAYOUT,
  APCB1_LAYOUT,
  CRYCB_FORMATS,
  CRYCB_LAYOUT,
  type Crycb,
  crycbDesignation,
  crycbFormatOf,
  produceCrycb,
  readApcb,
  readCrycb,
  writeApcb,
} from '../../native-like/blocks/crycb.ts';
import {
  GIB_LAYOUT,
  GISA0_LAYOUT,
  GISA1_LAYOUT,
  type Gisa,
  iscBit,
  produceGib,
  produceGisa,
  readGib,
  readGisa,
} from '../../native-like/blocks/gisa.ts';
import { produceQci, QCI_LAYOUT, readQci } from '../../native-like/blocks/qci.ts';
import {
  produceStatus,
  readStatus,
  type StatusWord,
  statusOf,
  statusWord,
} from '../../native-like/blocks/status-word.ts';
import { golden } from './support.ts';

const PLAIN: StatusWord = {
  empty: false,
  replies: false,
  full: false,
  async: false,
  irq: false,
  rc: 0,
};
const NO_MASKS = { apm: emptyMask(), aqm: emptyMask(), adm: emptyMask() };
const NO_KEYS = { dea: new Uint8Array(24), aes: new Uint8Array(32) };

describe('tables of fields', () => {
  const ROW: BlockField = { name: 'a', offset: 0, bytes: 4, meaning: '' };
  it.each<[string, BlockField[], boolean]>([
    ['overlap', [ROW, { ...ROW, name: 'b', offset: 3 }], false],
    ['do not ascend', [{ ...ROW, offset: 4 }, ROW], false],
    ['leave a gap', [ROW, { ...ROW, offset: 5, bytes: 3 }], true],
    ['end before the block', [ROW], true],
    ['end behind the block', [{ ...ROW, bytes: 9 }], false],
  ])('a table whose fields %s is refused', (_what, fields, whole) => {
    expect(() => assertLayout('block', 8, fields, whole)).toThrow(/^block: field/);
  });

  it.each<[string, number, readonly BlockField[], string]>([
    ['QCI block', 128, QCI_LAYOUT, 'flags 0, na 4, nd 5, APM 16, AQM 48, ADM 80'],
    ['CRYCB', 256, CRYCB_LAYOUT, 'APCB0 0, DEA mask 72, AES mask 96, APCB1 128'],
    ['APCB0', 32, APCB0_LAYOUT, 'APM 0, AQM 8, ADM 16'],
    ['APCB1', 128, APCB1_LAYOUT, 'APM 0, AQM 32, ADM 64'],
    ['GISA format 0', 16, GISA0_LAYOUT, 'next_alert 0, IPM 4, bits 6, IAM 7, airq_count 12'],
    [
      'GISA format 1',
      32,
      GISA1_LAYOUT,
      'next_alert 0, IPM 4, SIMM 5, NIMM 6, IAM 7, AISM 8, bits 16, airq_count 28',
    ],
    ['GIB', 32, GIB_LAYOUT, 'alert_list_origin 0, NISC 8'],
  ])('%s has %i bytes and its fields where the reference has them', (_name, bytes, rows, named) => {
    expect(rows.reduce((sum, row) => sum + row.bytes, 0)).toBe(bytes);
    const fields = rows.filter((row) => !['reserved', 'unused'].includes(row.name));
    expect(fields.map((row) => `${row.name} ${row.offset}`).join(', ')).toBe(named);
  });
});

describe('masks of ids', () => {
  it('domain 0x54 is bit value 0x08 of byte 10', () => {
    const aqm = maskOf([0x54]);
    const bytes = produceQci({ flags: 0, na: 0, nd: 0, ...NO_MASKS, aqm });
    expect(bytes).toEqual(golden(128, { [0x30 + 10]: '08' }));
  });

  it('ids come back as they went in', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 255 })), (ids) => {
        expect(idsOf(maskOf(ids))).toEqual([...ids].sort((a, b) => a - b));
      }),
    );
  });

  it.each([-1, 256, 1.5])('%d is no id', (id) => {
    expect(() => maskOf([id])).toThrow(RangeError);
  });
});

describe('status word', () => {
  it.each<[string, string, Partial<StatusWord>]>([
    ['empty', '80000000', { empty: true }],
    ['empty, interruptions enabled', '81000000', { empty: true, irq: true }],
    ['reset in progress', '80020000', { empty: true, rc: 0x02 }],
    ['refused, full, interruptions enabled', '21100000', { full: true, irq: true, rc: 0x10 }],
    ['no reply, nothing in work', '81100000', { empty: true, irq: true, rc: 0x10 }],
    ['no reply yet', '01100000', { irq: true, rc: 0x10 }],
    ['reply waiting', '41000000', { replies: true, irq: true }],
    ['not available', '00010000', { rc: 0x01 }],
    ['asynchronous error 35', '02350000', { async: true, rc: 0x35 }],
  ])('%s is %s', (_what, digits, fields) => {
    const status = { ...PLAIN, ...fields };
    expect(produceStatus(status)).toEqual(golden(4, { 0: digits }));
    expect(readStatus(golden(4, { 0: digits }))).toEqual(status);
    expect(statusWord(status) >>> 0).toBe(Number.parseInt(digits, 16));
  });

  it('reserved bits are not looked at and never produced', () => {
    expect(statusWord(statusOf(0x1c00ffff))).toBe(0);
    expect(statusWord({ ...PLAIN, rc: 0x142 })).toBe(0x00420000);
  });

  it('bytes of another length are refused', () => {
    expect(() => readStatus(new Uint8Array(8))).toThrow(RangeError);
  });
});

describe('QCI block', () => {
  const BYTES = golden(128, {
    0: 'f0 80 00 00  ff 54',
    16: '06',
    48: '08 00 00 00  00 00 00 00  01',
    80: '08',
    [0x50 + 31]: '01',
  });
  const BLOCK = {
    flags: 0xf0800000 | 0,
    na: 0xff,
    nd: 0x54,
    apm: maskOf([5, 6]),
    aqm: maskOf([0x04, 0x47]),
    adm: maskOf([0x04, 0xff]),
  };

  it('is 128 bytes: flags S N C R B, na, nd, three masks', () => {
    expect(produceQci(BLOCK)).toEqual(BYTES);
    expect(readQci(BYTES)).toEqual(BLOCK);
  });

  it('can be read in the middle of a larger buffer', () => {
    const storage = new Uint8Array(0x200);
    storage.set(BYTES, 0x108);
    expect(readQci(storage.subarray(0x108, 0x188))).toEqual(BLOCK);
  });

  it.each([0, 127, 129])('%i bytes are refused', (length) => {
    expect(() => readQci(new Uint8Array(length))).toThrow('QCI block');
  });
});

describe('CRYCB', () => {
  const CRYCB: Crycb = {
    apcb0: { apm: maskOf([0, 63]), aqm: maskOf([1, 15]), adm: maskOf([15]) },
    apcb1: { apm: maskOf([5, 255]), aqm: maskOf([0xab]), adm: maskOf([0, 0xff]) },
    dea: new Uint8Array(24).fill(0xde),
    aes: new Uint8Array(32).fill(0xae),
  };
  const BYTES = golden(256, {
    0: '80 00 00 00 00 00 00 01',
    8: '40 01',
    16: '00 01',
    72: 'de'.repeat(24),
    96: 'ae'.repeat(32),
    128: '04',
    [0x80 + 31]: '01',
    [0xa0 + 0x15]: '10',
    192: '80',
    [0xc0 + 31]: '01',
  });

  it('is 256 bytes: APCB0, wrapping keys, APCB1', () => {
    expect(produceCrycb(CRYCB)).toEqual(BYTES);
    expect(readCrycb(BYTES)).toEqual(CRYCB);
  });

  it.each([
    [0, 'format 0', 0, 32],
    [1, 'format 1', 0, 128],
    [3, 'format 2', 1, 256],
  ])('format bits %i are %s: APCB%i, %i bytes checked', (bits, name, apcb, checkedBytes) => {
    expect(crycbFormatOf(crycbDesignation(0x1f000800, bits))).toEqual({
      format: bits,
      name,
      apcb,
      checkedBytes,
    });
  });

  it('format bits 2 are not defined, and the table has the other three', () => {
    expect(crycbFormatOf(0x1f000802)).toBeUndefined();
    expect(CRYCB_FORMATS).toHaveLength(3);
  });

  it.each([
    [0x1f000804, 0],
    [0x80000000 | 0, 0],
    [0x1f000800, 4],
  ])('no designation of address %i and format %i', (address, format) => {
    expect(() => crycbDesignation(address, format)).toThrow(RangeError);
  });

  it('APCB0 has no room for adapters above 63 and domains above 15, and its reserved bytes stay', () => {
    const bytes = new Uint8Array(256).fill(0xff);
    writeApcb(bytes, 0, { apm: maskOf([63, 64]), aqm: maskOf([15, 16]), adm: maskOf([16]) });
    expect(bytes.subarray(0, 0x20)).toEqual(
      golden(0x20, {
        7: '01',
        8: '0001 ffffffffffff',
        16: '0000 ffffffffffff ffffffffffffffff',
      }),
    );
    expect(idsOf(readApcb(bytes, 0).apm)).toEqual([63]);
    expect(idsOf(readApcb(bytes, 0).aqm)).toEqual([15]);
    expect(bytes.subarray(0x20).every((byte) => byte === 0xff)).toBe(true);
  });

  it('APCB1 has room for all ids, and its reserved bytes stay', () => {
    const bytes = new Uint8Array(256).fill(0xff);
    writeApcb(bytes, 1, NO_MASKS);
    expect(bytes.subarray(0x80, 0xe0).every((byte) => byte === 0)).toBe(true);
    expect(bytes.subarray(0xe0).every((byte) => byte === 0xff)).toBe(true);
    expect(bytes.subarray(0, 0x80).every((byte) => byte === 0xff)).toBe(true);
  });

  it('wrapping keys of another length and blocks of another length are refused', () => {
    expect(() => produceCrycb({ ...CRYCB, dea: new Uint8Array(8) })).toThrow('DEA wrapping key');
    expect(() => readCrycb(new Uint8Array(128))).toThrow('CRYCB');
  });

  it('an empty one is all zero', () => {
    expect(produceCrycb({ apcb0: NO_MASKS, apcb1: NO_MASKS, ...NO_KEYS })).toEqual(
      new Uint8Array(256),
    );
  });
});

describe('GISA', () => {
  const ZERO: Gisa = {
    format: 0,
    nextAlert: 0x1f001900,
    ipm: iscBit(6),
    iam: iscBit(5) | iscBit(6),
    g: true,
    c: false,
    airqCount: 0x01020304,
    simm: 0,
    nimm: 0,
    aism: [0, 0],
  };
  const ONE: Gisa = {
    ...ZERO,
    format: 1,
    c: true,
    simm: 0x11,
    nimm: 0x22,
    aism: [0x80000000 | 0, 1],
  };

  it.each<[string, Gisa, Uint8Array]>([
    ['format 0', ZERO, golden(16, { 0: '1f001900 02 00 02 06', 12: '01020304' })],
    [
      'format 1',
      ONE,
      golden(32, { 0: '1f001900 02 11 22 06 8000000000000001 03', 28: '01020304' }),
    ],
  ])('%s has its golden bytes', (_name, gisa, bytes) => {
    expect(produceGisa(gisa)).toEqual(bytes);
    expect(readGisa(bytes, gisa.format)).toEqual(gisa);
  });

  it('format 0 has no SIMM, NIMM and AISM', () => {
    const bytes = produceGisa({ ...ONE, format: 0, c: false });
    expect(bytes).toEqual(produceGisa(ZERO));
  });

  it.each([
    [0, 32],
    [1, 16],
  ] as const)('format %i in %i bytes is refused', (format, length) => {
    expect(() => readGisa(new Uint8Array(length), format)).toThrow(RangeError);
  });

  it('ISC 0 is the leftmost bit, ISC 7 the rightmost', () => {
    expect([0, 5, 6, 7].map(iscBit)).toEqual([0x80, 0x04, 0x02, 0x01]);
  });

  it('a GIB is 32 bytes: alert list origin, and NISC in three bits', () => {
    const bytes = golden(32, { 0: '1f001900', 8: '05' });
    expect(produceGib({ alertListOrigin: 0x1f001900, nisc: 0x0d })).toEqual(bytes);
    bytes[8] = 0xfd;
    expect(readGib(bytes)).toEqual({ alertListOrigin: 0x1f001900, nisc: 5 });
  });
});
