// SPDX-License-Identifier: Apache-2.0
// ECC on a CCA coprocessor against Node's crypto, with replies read at the offsets libica reads them at (messages.md 4.4).
import { createECDH, createHash, createPrivateKey, sign, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CURVES, type CurveRow, curveBytes } from '../../src/cex/ec.ts';
import { ascii, u16 } from '../../src/cex/messages/bytes.ts';
import { buildEcc, type EccRequest } from '../../src/cex/messages/ecc.ts';
import { parseReply } from '../../src/cex/messages/parse.ts';
import { ask, big, card, hex, num, Seeded } from './helpers.ts';

const C = card('cca');
const NAMES = CURVES.map((curve) => [curve.name, curve] as const);
const random = new Seeded(77);
const send = (request: EccRequest): Uint8Array => ask(C, buildEcc({ ...request, domain: 4 }));

/** rc and rs of a reply. */
function code(reply: Uint8Array): string {
  return `${u16(reply, 192)}/${u16(reply, 194)}`;
}

/** The reply control block, as libica gets it. */
const block = (reply: Uint8Array): Uint8Array => reply.subarray(48);

interface Pair {
  readonly curveType: number;
  readonly bits: number;
  readonly d: Uint8Array;
  readonly point: Uint8Array;
}

function generate({ type, bits }: CurveRow): Pair {
  const r = block(
    ask(C, buildEcc({ kind: 'generate', curveType: type, bits, domain: 4 }), {
      random: random.fill,
    }),
  );
  const n = curveBytes(bits);
  expect([u16(r, 222), u16(r, 224), u16(r, 240 + 74)]).toEqual([2, 2, n]);
  const section = 240 + u16(r, 242);
  expect(r[section + 14]).toBe(0x04);
  return {
    curveType: type,
    bits,
    d: r.slice(332, 332 + n),
    point: r.slice(section + 15, section + 15 + 2 * n),
  };
}

const nodePair = (name: string, d: Uint8Array): ReturnType<typeof createECDH> => {
  const ecdh = createECDH(name);
  ecdh.setPrivateKey(d);
  return ecdh;
};

/** Node's key object of a pair; SEC 1 DER, because JWK knows three curves only. */
function keyObject(name: string, { d }: Pair): ReturnType<typeof createPrivateKey> {
  const oid = OIDS[name];
  const tlv = (tag: number, ...parts: Uint8Array[]): Buffer => {
    const content = Buffer.concat(parts);
    return Buffer.concat([Uint8Array.of(tag, content.length), content]);
  };
  const der = tlv(0x30, Uint8Array.of(2, 1, 1), tlv(4, d), tlv(0xa0, Buffer.from(oid, 'hex')));
  return createPrivateKey({ key: der, format: 'der', type: 'sec1' });
}

/** Object identifiers in DER: 1.2.840.10045.3.1.x, 1.3.132.0.x, 1.3.36.3.3.2.8.1.1.x. */
const OIDS: Readonly<Record<string, string>> = {
  prime192v1: '06082a8648ce3d030101',
  prime256v1: '06082a8648ce3d030107',
  secp224r1: '06052b81040021',
  secp384r1: '06052b81040022',
  secp521r1: '06052b81040023',
  brainpoolP160r1: '06092b2403030208010101',
  brainpoolP192r1: '06092b2403030208010103',
  brainpoolP224r1: '06092b2403030208010105',
  brainpoolP256r1: '06092b2403030208010107',
  brainpoolP320r1: '06092b2403030208010109',
  brainpoolP384r1: '06092b240303020801010b',
  brainpoolP512r1: '06092b240303020801010d',
};

const HASHES = [
  ['sha1', 20],
  ['sha224', 28],
  ['sha256', 32],
  ['sha384', 48],
  ['sha512', 64],
] as const;

describe.each(NAMES)('%s', (name, curve) => {
  const n = curveBytes(curve.bits);
  const pair = generate(curve);
  const other = generate(curve);
  const key = keyObject(name, pair);
  const message = Buffer.from(`a message for ${name}`);

  it('PG gives a key pair of the curve, another each time', () => {
    for (const { d, point } of [pair, other]) {
      expect(hex(nodePair(name, d).getPublicKey().subarray(1))).toBe(hex(point));
    }
    expect(hex(pair.d)).not.toBe(hex(other.d));
  });

  it('DH gives both sides the x that Node computes', () => {
    const expected = nodePair(name, pair.d).computeSecret(Buffer.concat([big(4n), other.point]));
    for (const [mine, theirs] of [
      [pair, other],
      [other, pair],
    ] as const) {
      const r = block(send({ kind: 'agree', d: mine.d, other: theirs }));
      expect([u16(r, 222), u16(r, 224), u16(r, 240)]).toEqual([2, 14, n + 4]);
      expect(hex(r.subarray(244, 244 + n))).toBe(hex(expected));
    }
  });

  it.each(HASHES)(
    'SG over %s verifies with Node, and Node’s signature with SV',
    (algorithm, size) => {
      const hash = createHash(algorithm).update(message).digest();
      expect(hash.length).toBe(size);
      const r = block(send({ kind: 'sign', key: pair, hash }));
      expect([u16(r, 222), u16(r, 224)]).toEqual([2, 2 * n + 8]);
      const signature = r.slice(232, 232 + 2 * n);
      const encoded = { key, dsaEncoding: 'ieee-p1363' } as const;
      expect(verify(algorithm, message, encoded, signature)).toBe(true);
      const theirs = new Uint8Array(sign(algorithm, message, encoded));
      for (const good of [signature, theirs]) {
        expect(code(send({ kind: 'verify', key: pair, hash, signature: good }))).toBe('0/0');
      }
    },
  );

  it('SV refuses every altered part with 4/429', () => {
    const hash = createHash('sha256').update(message).digest();
    const signature = sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' });
    const altered = (bytes: Uint8Array, at: number): Uint8Array =>
      bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
    const at = { kind: 'verify', key: pair, hash, signature } as const;
    for (const wrong of [
      { ...at, hash: altered(hash, 0) },
      { ...at, signature: altered(signature, n - 1) },
      { ...at, signature: altered(signature, 2 * n - 1) },
      { ...at, signature: new Uint8Array(2 * n) },
      { ...at, signature: new Uint8Array(2 * n).fill(0xff) },
      { ...at, signature: signature.subarray(1) },
      { ...at, key: other },
    ]) {
      expect(code(send(wrong))).toBe('4/429');
    }
  });
});

describe('ECDSA where the points of the sum meet', () => {
  const curve = CURVES[2];
  const pair = generate(curve);
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const inverse = (a: bigint): bigint => {
    let [r, s, x, y] = [order, a % order, 0n, 1n];
    while (s > 0n) [r, s, x, y] = [s, r % s, y, x - (r / s) * y];
    return ((x % order) + order) % order;
  };
  /** The signature with nonce k of the hash that `hashOf` makes of r. */
  const signed = (hashOf: (r: bigint) => bigint): EccRequest => {
    const k = 0x123456789n;
    const r = num(nodePair(curve.name, big(k, 32)).getPublicKey().subarray(1, 33)) % order;
    const h = hashOf(r);
    const s = (inverse(k) * (h + r * num(pair.d))) % order;
    const signature = Buffer.concat([big(r, 32), big(s, 32)]);
    return { kind: 'verify', key: pair, hash: big(h, 32), signature };
  };
  it.each<readonly [string, (r: bigint) => bigint]>([
    ['a hash', () => 0xabcdefn],
    ['a hash of zeros: only Q', () => 0n],
    ['r * d: the point is doubled', (r) => (r * num(pair.d)) % order],
  ])('%s is verified', (_name, hashOf) => {
    const request = signed(hashOf);
    expect(code(send(request))).toBe('0/0');
    if (request.kind !== 'verify') throw new Error('not a verification');
    const hash = request.hash.map((byte, i) => (i === 31 ? byte ^ 1 : byte));
    expect(code(send({ ...request, hash }))).toBe('4/429');
  });
});

describe('refusals of ECC requests', () => {
  const curve = CURVES[2];
  const pair = generate(curve);
  const hash = new Uint8Array(32).fill(7);
  const off = pair.point.map((byte, i) => (i === 0 ? byte ^ 1 : byte));
  const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';
  const signature = new Uint8Array(64).fill(1);
  const cases: readonly (readonly [string, EccRequest, string])[] = [
    ['a curve that is none', { kind: 'generate', curveType: 0, bits: 255 }, '8/29'],
    ['a curve type that is none', { kind: 'generate', curveType: 2, bits: 256 }, '8/29'],
    ['D = 0', { kind: 'sign', key: { ...pair, d: new Uint8Array(32) }, hash }, '8/29'],
    ['D = order', { kind: 'sign', key: { ...pair, d: Buffer.from(order, 'hex') }, hash }, '8/29'],
    ['a short D', { kind: 'sign', key: { ...pair, d: pair.d.subarray(1) }, hash }, '8/29'],
    ['a short point', { kind: 'sign', key: { ...pair, point: off.subarray(1) }, hash }, '8/29'],
    [
      'a point off the curve (DH)',
      { kind: 'agree', d: pair.d, other: { ...pair, point: off } },
      '8/29',
    ],
    [
      'a point off the curve (SV)',
      { kind: 'verify', key: { ...pair, point: off }, hash, signature },
      '8/29',
    ],
    ['a hash of 31 bytes', { kind: 'sign', key: pair, hash: hash.subarray(1) }, '8/25'],
    [
      'a hash of 31 bytes (SV)',
      { kind: 'verify', key: pair, hash: hash.subarray(1), signature },
      '8/25',
    ],
  ];
  it.each(cases)('%s', (_name, request, expected) => {
    const reply = send(request);
    expect([code(reply), reply.length]).toEqual([expected, 276]);
  });

  it('other rules, other formats of keys, and lengths that leave the block', () => {
    const request = buildEcc({ kind: 'sign', key: pair, hash, domain: 4 });
    const at = (offset: number, ...bytes: number[]): string => {
      const changed = request.slice();
      changed.set(bytes, offset);
      return code(ask(C, changed));
    };
    const key = 322 + 34 + 2;
    expect(ascii(request, 312, 8)).toBe('ECDSA   ');
    expect(at(312, 0x52)).toBe('8/33');
    expect(at(key + 12 + 10, 0x08)).toBe('8/29');
    expect(at(key + 4, 0x1f)).toBe('8/29');
    expect(at(key + 12 + 2, 0xff)).toBe('8/29');
    expect(at(322, 0, 33)).toBe('16/444');
  });
});

describe('lengths of ECC requests', () => {
  it.each<readonly [string, EccRequest['kind'], number]>([
    ['PG', 'generate', 220 + 14 + 2 + 118 + 5],
    ['DH', 'agree', 220 + 32 + 2 + 2 * 215 + 4 * 68],
    ['SG', 'sign', 220 + 16 + 32 + 2 + 215],
    ['SV', 'verify', 220 + 16 + 32 + 2 + 64 + 2 + 91],
  ])('%s on P-256 has the control block libica makes', (_name, kind, expected) => {
    const pair = generate(CURVES[2]);
    const common = { kind, curveType: 0, bits: 256, key: pair, other: pair, d: pair.d };
    const hash = new Uint8Array(32);
    const signature = new Uint8Array(64);
    const request = { ...common, hash, signature, domain: 4 } as unknown as EccRequest;
    const built = buildEcc({ ...request, domain: 4 });
    expect((built[58] << 8) | built[59]).toBe(expected);
    expect(parseReply(ask(C, built)).kind).toBe('cca');
  });
});
