// SPDX-License-Identifier: Apache-2.0
// The layout tables: no overlaps, right sizes, and what is written is read again.
import { describe, expect, it } from 'vitest';
import { decode, encode, type Layout } from '../../src/cex/messages/byte-layout.ts';
import { u16, u32 } from '../../src/cex/messages/bytes.ts';
import {
  crtSizes,
  parameterBlock,
  RSA_PRIVATE,
  RSA_PUBLIC,
  readParameterBlock,
  TOKEN_HEADER,
} from '../../src/cex/messages/cca.ts';
import { ECC_ASSOCIATED, ECC_PRIVATE, ECC_PUBLIC } from '../../src/cex/messages/ecc.ts';
import {
  EP11_DOMAIN_INFO,
  EP11_KEY_BLOB,
  EP11_MODULE_INFO,
  putPayload,
  readPayload,
} from '../../src/cex/messages/ep11.ts';
import { LAYOUTS, TYPE50_FORMATS, type50Format } from '../../src/cex/messages/headers.ts';
import {
  AES_CIPHER_TOKEN,
  AES_DATA_TOKEN,
  CPACF_KEY_BLOCK,
} from '../../src/cex/messages/tokens.ts';
import { hex, Seeded } from './helpers.ts';

const ALL: readonly Layout[] = [
  ...LAYOUTS,
  TOKEN_HEADER,
  RSA_PUBLIC,
  RSA_PRIVATE,
  ECC_PRIVATE,
  ECC_ASSOCIATED,
  ECC_PUBLIC,
  EP11_MODULE_INFO,
  EP11_DOMAIN_INFO,
  EP11_KEY_BLOB,
  AES_DATA_TOKEN,
  AES_CIPHER_TOKEN,
  CPACF_KEY_BLOCK,
];

describe.each(ALL.map((l) => [l.name, l] as const))('layout of %s', (_name, l) => {
  it('has fields inside its size that do not overlap', () => {
    let end = 0;
    for (const f of l.fields) {
      expect(f.offset).toBeGreaterThanOrEqual(end);
      end = f.offset + f.size;
    }
    expect(end).toBeLessThanOrEqual(l.size);
  });

  it('names a section of the reference', () => {
    expect(l.source).toMatch(/^messages\.md \d/);
  });

  it('writes what it reads: random bytes decoded and encoded are the same in every field', () => {
    const random = new Seeded(l.size);
    for (let i = 0; i < 20; i++) {
      const bytes = random.bytes(l.size + 7);
      const again = bytes.slice();
      for (const f of l.fields) again.fill(0xee, 7 + f.offset, 7 + f.offset + f.size);
      encode(l, again, 7, decode(l, bytes, 7));
      expect(hex(again)).toBe(hex(bytes));
    }
  });
});

describe('type 50 formats', () => {
  it.each([
    ['MEB1', 0x0001, 400, [16, 144, 272]],
    ['MEB2', 0x0002, 784, [16, 272, 528]],
    ['MEB3', 0x0003, 1552, [16, 528, 1040]],
    ['CRB1', 0x0011, 464, [16, 80, 144, 208, 272, 336]],
    ['CRB2', 0x0012, 912, [16, 144, 272, 400, 528, 656]],
    ['CRB3', 0x0013, 1808, [16, 272, 528, 784, 1040, 1296]],
  ])('%s has code, length and offsets of the reference', (name, code, length, offsets) => {
    const format = TYPE50_FORMATS.find((f) => f.name === name)!;
    expect(format).toMatchObject({ code, length, reply: 16 + format.operand });
    expect(format.fields.map((f) => f.offset)).toEqual(offsets);
  });

  it.each([
    [1, 128],
    [128, 128],
    [129, 256],
    [256, 256],
    [257, 512],
    [512, 512],
    [513, undefined],
  ])('an input of %i bytes takes the field of %s', (size, operand) => {
    expect(type50Format('mex', size)?.operand).toBe(operand);
    expect(type50Format('crt', size)?.operand).toBe(operand);
  });
});

describe('CRT token sizes', () => {
  it.each([
    [64, 32, 40, 0, 248, 409],
    [128, 64, 72, 0, 472, 633],
    [256, 128, 136, 0, 920, 1081],
    [512, 256, 264, 0, 1816, 1977],
    [17, 9, 17, 3, 89, 250],
  ])('for n=%i are h=%i g=%i pad=%i L=%i K=%i', (n, half, long, pad, block, key) => {
    expect(crtSizes(n)).toEqual({ half, long, pad, block, key });
  });
});

describe('CCA parameter block', () => {
  it('is read as it was built', () => {
    const random = new Seeded(5);
    const vud = random.bytes(31);
    const keys = random.bytes(9);
    const built = parameterBlock('PK', ['MRP', 'TOKEN'], vud, keys);
    const read = readParameterBlock(built, 0, built.length)!;
    expect(read.code).toBe('PK');
    expect(read.rules).toEqual(['MRP     ', 'TOKEN   ']);
    expect([hex(read.vud), hex(read.keys)]).toEqual([hex(vud), hex(keys)]);
    expect(read.length).toBe(built.length);
  });

  it.each([
    ['a rule array length below 2', 2, 1],
    ['a rule array length that is no multiple of 8', 2, 9],
    ['a VUD length below 2', 12, 1],
    ['a VUD that leaves the block', 12, 60000],
    ['a key block length below 2', 14, 0],
    ['a key block that leaves the block', 14, 3],
  ])('with %s is refused', (_what, at, value) => {
    const none = new Uint8Array(0);
    const built = parameterBlock('RL', ['RANDOM'], none, none);
    built[at] = value >> 8;
    built[at + 1] = value;
    expect(readParameterBlock(built, 0, built.length)).toBeUndefined();
  });
});

describe('EP11 payload', () => {
  it.each([0, 1, 126, 127, 128, 255, 256, 5000])(
    'with %i bytes is read as it was written, in short, 81 and 82 forms',
    (size) => {
      const bytes = new Uint8Array(size + 100);
      const body = [Uint8Array.of(1, 2, 3, 4), new Seeded(size).bytes(size)];
      for (const options of [{}, { longEnvelope: true }, { longLast: true }]) {
        const payload = { functionId: 38, ordinal: 4, domain: 0x47, body };
        const length = putPayload(bytes, 3, payload, options);
        const read = readPayload(bytes, 3, length)!;
        expect({ ...read, body: read.body.map(hex) }).toEqual({ ...payload, body: body.map(hex) });
        expect(readPayload(bytes, 3, length - 1)).toBeUndefined();
        expect(readPayload(bytes, 3, length + 1)).toBeUndefined();
      }
    },
  );

  it('refuses the indefinite and the three-byte length form', () => {
    for (const form of [0x80, 0x83, 0xff]) {
      const bytes = Uint8Array.of(0x30, form, 0, 0, 0, 0, 0, 0);
      expect(readPayload(bytes, 0, bytes.length)).toBeUndefined();
    }
  });
});

describe('number readers', () => {
  it('give zero bits past the end', () => {
    const bytes = Uint8Array.of(0xff);
    expect([u16(bytes, 0), u16(bytes, 9), u32(bytes, 0), u32(bytes, -4)]).toEqual([
      0xff00, 0, 0xff000000, 0,
    ]);
  });
});
