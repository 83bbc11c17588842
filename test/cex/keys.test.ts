// SPDX-License-Identifier: Apache-2.0
// Secure keys: what the kernel's pkey helpers do with a card, from clear keys to protected keys, and queries of key registers.
// Source: docs/reference/messages.md 4.1 to 4.3.
import { createCipheriv } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { AdapterModel } from '../../src/cex/adapter.ts';
import { buildQuery } from '../../src/cex/messages/build.ts';
import { ascii, putU16, putU32, u16, u32 } from '../../src/cex/messages/bytes.ts';
import { buildCca, parameterBlock } from '../../src/cex/messages/cca.ts';
import { buildEp11, u32Argument } from '../../src/cex/messages/ep11.ts';
import { type CcaReply, type Ep11Reply, parseReply } from '../../src/cex/messages/parse.ts';
import { cipherSkeleton, validationValue } from '../../src/cex/messages/tokens.ts';
import { unwrapProtectedKey } from '../../src/cex/protected-key.ts';
import { ask, card, hex, Seeded, sha256 } from './helpers.ts';

const C = card('cca');
const P = card('ep11');
const none = new Uint8Array(0);
const wrappingKey = new Seeded(77).bytes(64);
const special = { special: true, wrappingKey };
const SIZES = [16, 24, 32] as const;

function entry(tag: number, bytes: Uint8Array): Uint8Array {
  const e = new Uint8Array(4 + bytes.length);
  putU16(e, 0, e.length);
  putU16(e, 2, tag);
  e.set(bytes, 4);
  return e;
}

function text(...words: string[]): Uint8Array {
  return Buffer.from(words.map((w) => w.padEnd(8)).join(''), 'latin1');
}

type Extra = { special?: boolean; wrappingKey?: Uint8Array };

function cca(
  code: string,
  rules: string[],
  vud: Uint8Array,
  keys: Uint8Array,
  extra: Extra = {},
  adapter: AdapterModel = C,
): CcaReply {
  const parameters = parameterBlock(code, rules, vud, keys);
  const reply = parseReply(ask(adapter, buildCca({ parameters, domain: 4 }), extra));
  if (reply.kind !== 'cca') throw new Error(`unexpected ${JSON.stringify(reply)}`);
  return reply;
}

const kg = (size: number, adapter = C): CcaReply =>
  cca(
    'KG',
    [],
    Buffer.concat([text('OP', `KEYLN${size}`, 'AESDATA'), new Uint8Array(8)]),
    none,
    {},
    adapter,
  );
const cm = (clear: Uint8Array): CcaReply =>
  cca('CM', ['AES'], clear, entry(0x30, new Uint8Array(64)));
const us = (token: Uint8Array, extra: Extra = special, adapter = C): CcaReply =>
  cca('US', [], Uint8Array.of(0, 4, 0, 1), entry(0, token), extra, adapter);
const au = (token: Uint8Array): CcaReply =>
  cca('AU', ['EXPT-SK'], entry(0xc2, new Uint8Array(66)), entry(0, token), special);
const first = (reply: CcaReply): Uint8Array => reply.keys.subarray(4, u16(reply.keys, 0));

/** The clear key in the CPACF key block of a US or AU reply. */
function clearOf(reply: CcaReply): Uint8Array | undefined {
  const block = reply.vud.subarray(4);
  return unwrapProtectedKey(block.subarray(10, 10 + u16(block, 8)), wrappingKey);
}

function gk(size: number): CcaReply {
  const vud = new Uint8Array(26);
  vud.set(text('TOKEN', ''), 0);
  putU16(vud, 16, 8 * size);
  const empty = entry(0x30, none);
  const keys = Buffer.concat([empty, empty, entry(0x30, cipherSkeleton()), empty, empty, empty]);
  return cca('GK', ['AES', 'OP'], vud, keys);
}

function ip(rules: string[], part: Uint8Array, token: Uint8Array): CcaReply {
  const bits = new Uint8Array(2);
  putU16(bits, 0, 8 * part.length);
  const vud = Buffer.concat([entry(0x64, bits), entry(0x63, part)]);
  return cca('IP', ['AES', ...rules], vud, entry(0x30, token));
}

describe('AES DATA keys', () => {
  it.each(SIZES)(
    'KG makes a token of 64 bytes for %i key bytes as the kernel checks it',
    (size) => {
      const reply = kg(size);
      expect([reply.rc, reply.rs]).toEqual([0, 0]);
      expect([reply.keys.length, u16(reply.keys, 0)]).toEqual([68, 68]);
      const token = first(reply);
      expect([token[0], token[4], u16(token, 56)]).toEqual([1, 4, 8 * size]);
      expect(u32(token, 60)).toBe(validationValue(token));
    },
  );

  it.each(SIZES)('a clear key of %i bytes goes in by CM and comes out by US', (size) => {
    const clear = new Seeded(size).bytes(size);
    const reply = us(first(cm(clear)));
    expect([reply.rc, u16(reply.vud, 0), reply.vud[4], reply.vud[7]]).toEqual([0, 146, 1, 2]);
    expect(u16(reply.vud, 12)).toBe(size + 32);
    expect(hex(clearOf(reply)!)).toBe(hex(clear));
    expect(hex(reply.vud.subarray(114, 146))).toBe(hex(wrappingKey.subarray(32)));
  });

  it('a token of another domain or card is 8/48, an altered one 8/29', () => {
    const token = first(kg(32));
    const other = card('cca', { serial: 'EMU00006' });
    expect(us(token, special, other)).toMatchObject({ rc: 8, rs: 48 });
    token[20] ^= 1;
    expect(us(token)).toMatchObject({ rc: 8, rs: 29 });
  });

  it('an old master key still opens tokens, an empty register is 12/764', () => {
    const key = new Seeded(3).bytes(32);
    const before = card('cca', { masterKeys: { aes: { current: { key } } } });
    const after = card('cca', {
      masterKeys: { aes: { current: { key: new Seeded(4).bytes(32) }, old: { key } } },
    });
    const empty = card('cca', { masterKeys: { aes: {} } });
    const token = first(kg(16, before));
    expect(us(token, special, after).rc).toBe(0);
    expect(kg(16, empty)).toMatchObject({ rc: 12, rs: 764 });
    expect(us(token, special, empty)).toMatchObject({ rc: 12, rs: 764 });
  });

  it('US without a wrapping key is 8/2290, busy', () => {
    expect(us(first(kg(16)), { special: true })).toMatchObject({ rc: 8, rs: 2290 });
  });
});

describe('AES CIPHER keys', () => {
  it.each([
    [16, 512],
    [24, 576],
    [32, 640],
  ])('GK makes a token for %i key bytes with a payload of %i bits', (size, bits) => {
    const reply = gk(size);
    const token = first(reply);
    expect([reply.rc, reply.keys.length + 2]).toEqual([0, 56 + bits / 8 + 10]);
    expect([token[0], token[4], u16(token, 2), u16(token, 38), token[41], u16(token, 42)]).toEqual([
      1,
      5,
      token.length,
      bits,
      2,
      1,
    ]);
    expect(clearOf(au(token))!.length).toBe(size);
  });

  it.each(SIZES)(
    'a clear key of %i bytes goes in by IP in four steps as the kernel does it',
    (size) => {
      const clear = new Seeded(size).bytes(size);
      const mask = new Seeded(size + 1).bytes(size);
      const one = first(ip(['FIRST', 'MIN3PART'], mask, cipherSkeleton()));
      const two = first(ip(['ADD-PART'], clear, one));
      expect(ip(['COMPLETE'], none, two)).toMatchObject({ rc: 8, rs: 34 });
      expect(au(two)).toMatchObject({ rc: 8, rs: 29 });
      const three = first(ip(['ADD-PART'], mask, two));
      const reply = ip(['COMPLETE'], none, three);
      expect(reply.rc).toBe(0);
      expect(hex(clearOf(au(first(reply)))!)).toBe(hex(clear));
      expect(ip(['ADD-PART'], mask, first(reply))).toMatchObject({ rc: 8, rs: 29 });
    },
  );

  it('AU needs the export bit and an unaltered token', () => {
    const token = first(gk(32));
    const closed = token.slice();
    closed[50] &= 0xf7;
    expect(au(closed)).toMatchObject({ rc: 8, rs: 29 });
    token[60] ^= 1;
    expect(au(token)).toMatchObject({ rc: 8, rs: 29 });
  });
});

describe('FQ shows the master keys', () => {
  const key = (seed: number): { key: Uint8Array } => ({ key: new Seeded(seed).bytes(32) });
  const pattern = new Uint8Array(Buffer.from('1122334455667788', 'hex'));
  const adapter = card('cca', {
    masterKeys: {
      sym: {},
      asym: { current: { key: new Uint8Array(32), pattern: new Seeded(9).bytes(16) } },
      aes: { current: { pattern }, new: { ...key(2), partial: true } },
      apka: { current: key(3), old: key(4), new: key(5) },
    },
    serial: 'EMU00005',
  });
  const ask2 = (keyword: string): CcaReply =>
    parseReply(ask(adapter, buildQuery({ mode: 'cca', keyword, domain: 4 }))) as CcaReply;

  it('STATICSA: serial number, states, AES and ASYM patterns at the offsets the kernel reads', () => {
    const r = ask2('STATICSA');
    expect(r.rules[0]).toBe('EMU00005');
    expect(
      r.rules
        .slice(1)
        .map((s) => s[0])
        .join(''),
    ).toBe('111121221');
    expect(hex(r.vud.subarray(184, 192))).toBe('1122334455667788');
    expect(hex(r.vud.subarray(84, 100))).toBe(hex(new Seeded(9).bytes(16)));
    expect([u16(r.vud, 180), u16(r.vud, 182)]).toEqual([12, 0x0f0b]);
  });

  it('STATICSB: APKA states and patterns, the first 8 bytes of SHA-256(01 || key)', () => {
    const r = ask2('STATICSB');
    expect(
      r.rules
        .slice(10)
        .map((s) => s[0])
        .join(''),
    ).toBe('322');
    const shown = (seed: number): string =>
      sha256(Uint8Array.of(1), new Seeded(seed).bytes(32)).slice(0, 16);
    expect([208, 220, 232].map((o) => hex(r.vud.subarray(o, o + 8)))).toEqual([4, 3, 5].map(shown));
  });
});

function ep11(
  functionId: number,
  body: Uint8Array[],
  extra: Extra & { flags?: number; adapter?: AdapterModel } = {},
): Ep11Reply {
  const { flags = 0, adapter = P, ...rest } = extra;
  const reply = parseReply(ask(adapter, buildEp11({ functionId, domain: 4, body, flags }), rest));
  if (reply.kind !== 'ep11') throw new Error(`unexpected ${JSON.stringify(reply)}`);
  return reply;
}

function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  values.forEach((v, i) => {
    putU32(bytes, 4 * i, v);
  });
  return bytes;
}

const zero = u32Argument(0);
const CBC_PAD = 0x1085;
const iv = new Uint8Array(16).fill(0x5a);
const mechanism = (code: number): Uint8Array => Buffer.concat([u32Argument(code), iv]);
const generate = (size: number, attributes: number, adapter = P): Ep11Reply =>
  ep11(
    21,
    [
      zero,
      u32Argument(size),
      u32Argument(0x1080),
      words(0x10010000, attributes, attributes, 0x161, size),
      none,
    ],
    { adapter },
  );
const wrap = (blob: Uint8Array, extra: Extra = special): Ep11Reply =>
  ep11(33, [zero, mechanism(0x80060001), blob, none, none], { ...extra, flags: 0x20 });

describe('EP11 keys', () => {
  const DEFAULT = 0x00200c00;
  it.each(SIZES)(
    'a clear key of %i bytes goes in under a KEK and comes out protected, as the kernel does it',
    (size) => {
      const clear = new Seeded(size).bytes(size);
      const kek = generate(32, 0x6c00).body[0];
      const encrypted = ep11(19, [zero, mechanism(CBC_PAD), kek, clear]).body[0];
      const template = words(0x10020000, DEFAULT, DEFAULT, 0x100, 0x1f, 0x161, size);
      const blob = ep11(34, [template, mechanism(CBC_PAD), kek, none, none, encrypted]);
      expect([blob.rv, blob.body[0].length]).toEqual([0, 256]);
      const wrapped = wrap(blob.body[0]);
      const data = wrapped.body[0];
      expect([wrapped.rv, u16(data, 0), u32(data, 18), u32(data, 22), u32(data, 30)]).toEqual([
        0,
        1,
        1,
        8 * size,
        size + 32,
      ]);
      expect(hex(unwrapProtectedKey(data.subarray(42), wrappingKey)!)).toBe(hex(clear));
    },
  );

  it('a blob begins with the wrapping key pattern of the domain query', () => {
    const blob = generate(16, DEFAULT).body[0];
    const info = parseReply(ask(P, buildQuery({ mode: 'ep11', domain: 4 }))) as Ep11Reply;
    expect(hex(blob.subarray(32, 48))).toBe(hex(info.body[0].subarray(4, 20)));
    expect(u16(blob, 64)).toBe(0x1234);
  });

  it('EncryptSingle and DecryptSingle are AES under the key of the blob', () => {
    const clear = new Seeded(6).bytes(32);
    const kek = generate(32, 0x6c00).body[0];
    const encrypted = ep11(19, [zero, mechanism(CBC_PAD), kek, clear]).body[0];
    const template = words(0x10020000, 0xc00, 0xc00, 0x100, 0x1f, 0x161, 32);
    const blob = ep11(34, [template, mechanism(CBC_PAD), kek, none, none, encrypted]).body[0];
    const message = new Seeded(7).bytes(1000);
    const cipher = createCipheriv('aes-256-cbc', clear, iv);
    const expected = Buffer.concat([cipher.update(message), cipher.final()]);
    const got = ep11(19, [zero, mechanism(CBC_PAD), blob, message]).body[0];
    expect(hex(got)).toBe(hex(expected));
    expect(hex(ep11(20, [zero, mechanism(CBC_PAD), blob, got]).body[0])).toBe(hex(message));
  });

  const good = generate(16, DEFAULT).body[0];
  const altered = good.map((b, i) => (i === 100 ? b ^ 1 : b));
  const other = generate(16, DEFAULT, card('ep11', { serial: 'OTHER' })).body[0];
  const bare = card('ep11', { masterKeys: { wk: {} } });
  it.each<readonly [string, () => number, number]>([
    ['an altered blob', () => wrap(altered).rv, 0x80010004],
    ['a blob of another card', () => wrap(other).rv, 0x80010001],
    ['a short blob', () => wrap(good.slice(1)).rv, 0x80010004],
    ['no wrapping key in the domain', () => generate(16, DEFAULT, bare).rv, 0x80010009],
    ['a key of 17 bytes', () => generate(17, DEFAULT).rv, 0x62],
    ['a key without the protected key attribute', () => wrap(generate(16, 0xc00).body[0]).rv, 0x68],
    [
      'a KEK that may not unwrap',
      () =>
        ep11(34, [
          words(0x10010000, 1, 1, 0x100, 0x1f),
          mechanism(CBC_PAD),
          good,
          none,
          none,
          new Uint8Array(32),
        ]).rv,
      0x68,
    ],
    ['an unknown mechanism', () => ep11(19, [zero, mechanism(0x1111), good, iv]).rv, 0x70],
    ['a mechanism without IV', () => ep11(19, [zero, u32Argument(CBC_PAD), good, iv]).rv, 0x71],
    [
      'wrong padding',
      () => ep11(20, [zero, mechanism(CBC_PAD), good, new Uint8Array(16)]).rv,
      0x40,
    ],
    [
      'ciphertext of 15 bytes',
      () => ep11(20, [zero, mechanism(CBC_PAD), good, new Uint8Array(15)]).rv,
      0x41,
    ],
    ['no arguments', () => ep11(21, []).rv, 0x7],
    [
      'CPACF wrap without the special bit',
      () => ep11(33, [zero, mechanism(0x80060001), good, none, none]).rv,
      0x70,
    ],
  ])('%s is refused', (_name, run, rv) => {
    expect(run()).toBe(rv);
  });

  it('WrapKey without a wrapping key is busy: CPRB ret_code 000C0003', () => {
    expect(wrap(good, { special: true })).toMatchObject({ returnCode: 0x000c0003 });
  });

  it('module info has serial number, ordinal and payload limit', () => {
    const adapter = card('ep11', { serial: 'EMU00007', ml: 3 });
    const r = parseReply(
      ask(adapter, buildQuery({ mode: 'ep11', query: 1, domain: 4 })),
    ) as Ep11Reply;
    const info = r.body[0];
    expect([
      u32(info, 0),
      info[8],
      info[9],
      ascii(info, 108, 8),
      info[116],
      u32(info, 184),
    ]).toEqual([4, 7, 1, 'EMU00007', 0, 12288 - 80]);
  });

  it.each<readonly [string, Partial<AdapterModel>, number]>([
    ['with keys and facility S', {}, 0x33],
    ['without facility S', { functions: 0x06000000 }, 0x13],
    ['without keys', { masterKeys: { wk: {} } }, 0x31],
    [
      'with a committed new key',
      { masterKeys: { wk: { new: { key: new Uint8Array(32), committed: true } } } },
      0x3d,
    ],
  ])('domain info %s has flags %i', (_name, extra, flags) => {
    const r = parseReply(
      ask(card('ep11', extra), buildQuery({ mode: 'ep11', domain: 4 })),
    ) as Ep11Reply;
    expect(u32(r.body[0], 68)).toBe(flags);
  });
});
