// SPDX-License-Identifier: Apache-2.0
// RSA through the cards against Node's crypto and against plain arithmetic: sizes, forms, edges, refusals.
import { checkPrimeSync, constants, privateDecrypt, publicEncrypt, randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { FACILITY } from '../../src/cex/adapter.ts';
import { clearKeyCache, KEY_CACHE_LIMIT, keyCacheStatistics } from '../../src/cex/key-cache.ts';
import { buildCrt, buildModexpo } from '../../src/cex/messages/build.ts';
import type { CrtKey } from '../../src/cex/messages/cca.ts';
import { parseReply } from '../../src/cex/messages/parse.ts';
import { modularExponentiation } from '../../src/cex/rsa.ts';
import { ask, big, card, hex, modPow, num, rsaKey, TEXTBOOK, type TestKey } from './helpers.ts';

const A = card('accelerator');
const C = card('cca');
const RAW = constants.RSA_NO_PADDING;

/** The code of a refusal: `82/85` or `8/72`. */
function refusal(reply: Uint8Array): string {
  const parsed = parseReply(reply);
  if (parsed.kind === 'error') return `${parsed.type.toString(16)}/${parsed.code.toString(16)}`;
  return parsed.kind === 'cca' ? `${parsed.rc}/${parsed.rs}` : parsed.kind;
}

function result(reply: Uint8Array, size: number): Uint8Array {
  const parsed = parseReply(reply);
  if (parsed.kind === 'result') return parsed.result.subarray(parsed.result.length - size);
  if (parsed.kind === 'cca' && parsed.rc === 0) return parsed.vud;
  throw new Error(`no result but ${refusal(reply)}`);
}

/** Modulus bits and how many random keys; 302 in all. Odd sizes make operands of odd length. */
const SIZES: readonly (readonly [number, number])[] = [
  [512, 120],
  [520, 40],
  [768, 40],
  [1016, 30],
  [1024, 40],
  [1536, 12],
  [2048, 14],
  [3072, 4],
  [4096, 2],
];

function input(key: TestKey): Uint8Array {
  const bytes = new Uint8Array(randomBytes(key.n.length));
  bytes[0] = 0;
  return bytes;
}

describe('RSA equals Node crypto', () => {
  it.each(SIZES)(
    'at %i bits for %i random keys, as MEX and CRT, new and seen keys, on both cards',
    (bits, count) => {
      for (let i = 0; i < count; i++) {
        const key = rsaKey(bits, i % 4 === 3 ? 3 : 65537);
        const x = input(key);
        const size = key.n.length;
        const encrypted = hex(publicEncrypt({ key: key.object, padding: RAW }, x));
        const decrypted = hex(privateDecrypt({ key: key.object, padding: RAW }, x));
        const reproduce = { p: hex(key.p), q: hex(key.q), x: hex(x) };
        for (const mode of ['accelerator', 'cca'] as const) {
          const adapter = mode === 'cca' ? C : A;
          const mex = buildModexpo({ mode, input: x, exponent: key.e, modulus: key.n, domain: 4 });
          const crt = buildCrt({ mode, input: x, key, domain: 4 });
          const seen = Array.from({ length: 4 }, () => hex(result(ask(adapter, crt), size)));
          const got = [hex(result(ask(adapter, mex), size)), ...new Set(seen)];
          expect({ ...reproduce, got }).toEqual({ ...reproduce, got: [encrypted, decrypted] });
        }
      }
    },
    120_000,
  );

  it.each([512, 1024, 2048, 3072, 4096])(
    'at %i bits with the private exponent as MEX',
    (bits) => {
      const key = rsaKey(bits);
      const x = input(key);
      const at = { mode: 'accelerator', input: x, exponent: key.d, modulus: key.n } as const;
      const expected = privateDecrypt({ key: key.object, padding: RAW }, x);
      expect(hex(result(ask(A, buildModexpo(at)), key.n.length))).toBe(hex(expected));
    },
    60_000,
  );
});

describe('MEX edge operands', () => {
  const key = rsaKey(512);
  const n = num(key.n);
  it.each([
    ['0', 0n],
    ['1', 1n],
    ['2', 2n],
    ['n-1', n - 1n],
    ['(n-1)/2', (n - 1n) / 2n],
  ])('input %s gives input^e mod n', (_name, x) => {
    for (const e of [0n, 1n, 2n, 3n, 65536n, 65537n, n - 1n, n, n + 1n, 2n ** 511n]) {
      const request = buildModexpo({
        mode: 'accelerator',
        input: big(x, 64),
        exponent: big(e),
        modulus: key.n,
      });
      expect([e, num(result(ask(A, request), 64))]).toEqual([e, modPow(x, e, n)]);
    }
  });

  const moduli = [1n, 3n, 255n, 257n, 3233n, 2n ** 64n - 59n, 2n ** 511n + 1n, 2n ** 512n - 1n];
  it.each(moduli.map((m) => [m.toString(16), m] as const))(
    'modulus %s gives input^e mod n',
    (_name, m) => {
      for (const e of [0n, 1n, 17n, m - 1n, m, 2n ** 300n + 7n, 2n ** 600n + 9n]) {
        for (const x of [0n, 1n, m / 2n, m - 1n].filter((v) => v < m)) {
          const got = modularExponentiation(big(x), big(e), big(m), 64);
          expect([m, e, x, num(got)]).toEqual([m, e, x, modPow(x, e, m)]);
        }
      }
    },
  );

  it.each([1, 2, 3, 63, 65, 127, 129, 255, 257, 511])(
    'an operand of %i bytes with leading zeros is taken',
    (size) => {
      const modulus = new Uint8Array(size).fill(0xff);
      modulus[0] = size === 1 ? 0xfb : 0;
      const small = new Uint8Array(size);
      small[size - 1] = 7;
      const request = buildModexpo({
        mode: 'accelerator',
        input: small,
        exponent: Uint8Array.of(0, 0, 5),
        modulus,
      });
      expect(num(result(ask(A, request), size))).toBe(modPow(7n, 5n, num(modulus)));
    },
  );

  it('exponents of 64 bits and more above 3072 bits, where OpenSSL has a limit, are right', () => {
    const m = 2n ** 4096n - 2n ** 100n - 1n;
    for (const e of [2n ** 63n, 2n ** 64n - 1n, 2n ** 64n, 2n ** 65n + 1n, 2n ** 200n - 1n]) {
      expect(num(modularExponentiation(big(5n), big(e), big(m), 512))).toBe(modPow(5n, e, m));
    }
  });
});

function formula(c: bigint, key: CrtKey): bigint {
  const p = num(key.p);
  const q = num(key.q);
  const m1 = modPow(c, num(key.dp), p);
  const m2 = modPow(c, num(key.dq), q);
  const h = (((num(key.u) * (m1 - m2)) % p) + p) % p;
  return m2 + q * h;
}

const inverse = (a: bigint, m: bigint): bigint => {
  let [r, s, x, y] = [m, ((a % m) + m) % m, 0n, 1n];
  while (s > 0n) [r, s, x, y] = [s, r % s, y, x - (r / s) * y];
  return ((x % m) + m) % m;
};

const keyOf = (p: bigint, q: bigint, e: bigint): CrtKey => ({
  p: big(p),
  q: big(q),
  dp: big(inverse(e, p - 1n)),
  dq: big(inverse(e, q - 1n)),
  u: big(inverse(q, p)),
});

/** A key whose exponents fit e = 3 although p is composite: 3*dp = 1 mod (p-1), 3*dq = 1 mod (q-1), u*q = 1 mod p. */
function falseKey(): CrtKey {
  const q = num(rsaKey(512).q) | 1n;
  let p = 2n ** 200n + 3n;
  while (p % 3n === 1n || p % 5n !== 0n) p += 2n;
  let r = q;
  while (r % 3n === 1n || (inverse(r, p) * (r % p)) % p !== 1n) r += 2n;
  return keyOf(p, r, 3n);
}

/** A key that half of all numbers take for one: p = (k+1)(2k+1) and x^(e*dp) = x mod p for half of all x. */
function halfKey(): CrtKey {
  const e = 65537n;
  for (let k = 2n ** 70n; ; k += 2n) {
    const p = (k + 1n) * (2n * k + 1n);
    const odd = (((e * inverse(e, p - 1n) - 1n) / (p - 1n)) & 1n) === 1n;
    if (odd && checkPrimeSync(k + 1n) && checkPrimeSync(2n * k + 1n)) {
      return keyOf(p, num(rsaKey(512).q), e);
    }
  }
}

/** A prime whose square is a p that almost all numbers take for a prime if the exponent is long enough. */
const ROOT = 2n ** 70n - 35n;

function squareKey(): CrtKey {
  const p = ROOT * ROOT;
  const key = keyOf(p, num(rsaKey(512).q), 65537n);
  return { ...key, dp: big(inverse(65537n, (p - 1n) * ROOT)) };
}

describe('CRT edge operands', () => {
  beforeEach(clearKeyCache);
  const key = rsaKey(512);
  const n = num(key.n);
  const p = num(key.p);
  const q = num(key.q);
  const keys: readonly (readonly [string, CrtKey])[] = [
    ['an RSA key', key],
    [
      'an RSA key with p and q exchanged',
      { p: key.q, q: key.p, dp: key.dq, dq: key.dp, u: big(modPow(p, q - 2n, q)) },
    ],
    ['a wrong u', { ...key, u: big(num(key.u) ^ 1n) }],
    ['u = 0', { ...key, u: Uint8Array.of(0) }],
    ['dp = 0', { ...key, dp: Uint8Array.of(0) }],
    ['dp = p, not below it', { ...key, dp: key.p }],
    ['dq = 1', { ...key, dq: Uint8Array.of(1) }],
    ['p = 1', { ...key, p: Uint8Array.of(1) }],
    ['composite p and q', { p: big(21n), q: big(35n), dp: big(5n), dq: big(7n), u: big(11n) }],
    ['composite p with exponents that fit e = 3', falseKey()],
    ['composite p that half of all numbers take for a prime', halfKey()],
    ['a square as p with an exponent that is not reduced', squareKey()],
    ['the textbook key', TEXTBOOK],
  ];
  it.each(keys)('%s gives the formula, seen once and seen often', (_name, k) => {
    const product = num(k.p) * num(k.q);
    for (const c of [0n, 1n, 2n, 3n, ROOT, product / 2n, product - 1n]) {
      if (c >= product) continue;
      const request = buildCrt({ mode: 'accelerator', input: big(c, 128), key: k });
      for (let round = 0; round < 6; round++) {
        expect([c, num(result(ask(A, request), 128))]).toEqual([c, formula(c, k)]);
      }
    }
  });

  it('a key that fails a trial is counted and stays with the formula', () => {
    const k = falseKey();
    const request = buildCrt({ mode: 'accelerator', input: big(2n ** 300n + 1n, 128), key: k });
    for (let i = 0; i < 9; i++) ask(A, request);
    expect(keyCacheStatistics()).toMatchObject({ imports: 1, failedTrials: 1, hits: 0, misses: 9 });
  });

  it('the input must be below p*q', () => {
    const at = (c: bigint): string =>
      refusal(ask(A, buildCrt({ mode: 'accelerator', input: big(c, 64), key })));
    expect([at(n), at(n + 1n), at(2n ** 512n - 1n)]).toEqual(['82/82', '82/82', '82/82']);
  });
});

describe('refusals', () => {
  const key = rsaKey(512);
  const even = big(num(key.n) - 1n, 64);
  const zero = new Uint8Array(64);
  const small = big(2n, 64);
  const mexCases: readonly (readonly [string, Uint8Array, Uint8Array, string, string])[] = [
    ['an even modulus', small, even, '82/85', '8/72'],
    ['modulus 0', small, zero, '82/85', '8/72'],
    ['input = modulus', key.n, key.n, '82/82', '8/66'],
    ['input > modulus', new Uint8Array(64).fill(0xff), key.n, '82/82', '8/66'],
  ];
  it.each(mexCases)('MEX with %s', (_name, x, modulus, accelerator, cca) => {
    const at = (mode: 'accelerator' | 'cca'): Uint8Array =>
      buildModexpo({ mode, input: x, exponent: key.e, modulus, domain: 4 });
    expect(refusal(ask(A, at('accelerator')))).toBe(accelerator);
    expect(refusal(ask(C, at('cca')))).toBe(cca);
  });

  it.each([
    ['p', 'even'],
    ['q', 'even'],
    ['p', 'zero'],
    ['q', 'zero'],
  ] as const)('CRT with %s %s', (part, what) => {
    const bad = { ...key, [part]: what === 'zero' ? Uint8Array.of(0) : big(num(key[part]) - 1n) };
    const at = (mode: 'accelerator' | 'cca'): Uint8Array =>
      buildCrt({ mode, input: small, key: bad, domain: 4 });
    expect(refusal(ask(A, at('accelerator')))).toBe('82/85');
    expect(refusal(ask(C, at('cca')))).toBe('8/72');
  });

  const one = Uint8Array.of(1);
  const half = new Uint8Array(256).fill(0xff);
  const input512 = big(2n, 512);
  const mex4k = buildModexpo({
    mode: 'accelerator',
    input: input512,
    exponent: Uint8Array.of(3),
    modulus: new Uint8Array(512).fill(0xff),
  });
  const crt4k = buildCrt({
    mode: 'accelerator',
    input: input512,
    key: { p: half, q: half, dp: one, dq: one, u: one },
  });
  it.each([
    ['MEB3 without M', mex4k, FACILITY.crt4k, '82/84'],
    ['CRB3 without C', crt4k, FACILITY.mex4k, '82/84'],
    ['MEB3 with M', mex4k, FACILITY.mex4k, 'result'],
    ['CRB3 with C', crt4k, FACILITY.crt4k, 'result'],
  ])('%s', (_name, request, facility, expected) => {
    const functions = FACILITY.accelerator | facility;
    expect(refusal(ask(card('accelerator', { functions }), request))).toBe(expected);
  });

  it.each([15, 513])('the builder refuses a CCA input of %i bytes with a code', (size) => {
    const x = new Uint8Array(size);
    expect(() => buildModexpo({ mode: 'cca', input: x, exponent: key.e, modulus: key.n })).toThrow(
      expect.objectContaining({ code: 'APEMU_ERR_MESSAGE_OPERAND' }),
    );
  });

  it('the builder refuses an operand longer than the field', () => {
    const long = new Uint8Array(65).fill(1);
    expect(() => buildCrt({ mode: 'accelerator', input: small, key: { ...key, p: long } })).toThrow(
      expect.objectContaining({ code: 'APEMU_ERR_MESSAGE_OPERAND' }),
    );
  });
});

describe('6.1 and 6.12 exponents on CCA', () => {
  it('give the same result, with 6.1 messages shorter by the zeros', () => {
    const key = rsaKey(512);
    const x = input(key);
    const at = (kernel: '6.1' | '6.12'): Uint8Array =>
      buildModexpo({ mode: 'cca', input: x, exponent: key.e, modulus: key.n, domain: 4, kernel });
    expect([at('6.12').length, at('6.1').length]).toEqual([540, 479]);
    expect(hex(ask(C, at('6.1')).subarray(272))).toBe(hex(ask(C, at('6.12')).subarray(272)));
  });
});

describe('the key cache', () => {
  beforeEach(clearKeyCache);
  it('computes a new key by the formula, imports at the fifth message, then hits', () => {
    const key = rsaKey(512);
    const request = buildCrt({ mode: 'accelerator', input: input(key), key });
    for (let i = 0; i < 9; i++) ask(A, request);
    expect(keyCacheStatistics()).toMatchObject({ misses: 4, imports: 1, hits: 5, size: 1 });
  });

  it('never takes one key for another that differs in one part', () => {
    const key = rsaKey(512);
    const request = buildCrt({ mode: 'accelerator', input: input(key), key });
    for (let i = 0; i < 6; i++) ask(A, request);
    const other = { ...key, u: big(num(key.u) ^ 2n) };
    const reply = ask(A, buildCrt({ mode: 'accelerator', input: big(5n, 64), key: other }));
    expect(num(result(reply, 64))).toBe(formula(5n, other));
  });

  it('holds no more than its limit', () => {
    for (let i = 0; i < KEY_CACHE_LIMIT + 40; i++) {
      const p = big(2n ** 100n + 2n * BigInt(i) + 1n);
      const k = { p, q: big(2n ** 90n + 3n), dp: big(3n), dq: big(5n), u: big(7n) };
      ask(A, buildCrt({ mode: 'accelerator', input: big(2n, 64), key: k }));
    }
    expect(keyCacheStatistics().size).toBeLessThanOrEqual(KEY_CACHE_LIMIT);
  });
});
