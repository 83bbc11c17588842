// SPDX-License-Identifier: Apache-2.0
// The twelve rules of messages.md 0.2, each on replies of every kind a stock guest can ask for.
import { describe, expect, it } from 'vitest';
import { buildCrt, buildModexpo, buildQuery, buildRng } from '../../src/cex/messages/build.ts';
import { u16, u32 } from '../../src/cex/messages/bytes.ts';
import { buildCca, parameterBlock } from '../../src/cex/messages/cca.ts';
import { buildEp11 } from '../../src/cex/messages/ep11.ts';
import { replyLength } from '../../src/cex/messages/parse.ts';
import { REPLY_CODES } from '../../src/cex/messages/reply-codes.ts';
import { ask, card, rsaKey } from './helpers.ts';

const A = card('accelerator');
const C = card('cca');
const P = card('ep11');
const key = rsaKey(512);
const input = key.n.map((b, i) => (i === 0 ? 0 : b));
const none = new Uint8Array(0);

type Kind = 'ica' | 'xcrb' | 'ep11' | 'type50';
const mex = (mode: 'accelerator' | 'cca'): Uint8Array =>
  buildModexpo({ mode, input, exponent: key.e, modulus: key.n, domain: 4 });
const crt = (mode: 'accelerator' | 'cca'): Uint8Array => buildCrt({ mode, input, key, domain: 4 });

const REQUESTS: readonly (readonly [string, typeof A, Kind, Uint8Array])[] = [
  ['type 50 MEX', A, 'type50', mex('accelerator')],
  ['type 50 CRT', A, 'type50', crt('accelerator')],
  ['PK', C, 'ica', mex('cca')],
  ['PD', C, 'ica', crt('cca')],
  [
    'PK with data above the modulus',
    C,
    'ica',
    buildModexpo({ mode: 'cca', input: key.n, exponent: key.e, modulus: key.n, domain: 4 }),
  ],
  ['RL', C, 'xcrb', buildRng({ domain: 4 })],
  ['RL of 4 bytes', C, 'xcrb', buildRng({ domain: 4, length: 4 })],
  ['FQ STATICSA', C, 'xcrb', buildQuery({ mode: 'cca', keyword: 'STATICSA', domain: 4 })],
  ['FQ STATICSB', C, 'xcrb', buildQuery({ mode: 'cca', keyword: 'STATICSB', domain: 4 })],
  [
    'FQ with an unknown keyword',
    C,
    'xcrb',
    buildQuery({ mode: 'cca', keyword: 'NOTHING', domain: 4 }),
  ],
  [
    'an unknown CCA function',
    C,
    'xcrb',
    buildCca({ parameters: parameterBlock('ZZ', [], none, none), domain: 4 }),
  ],
  ['EP11 module query', P, 'ep11', buildQuery({ mode: 'ep11', query: 1, domain: 4 })],
  ['EP11 domain query', P, 'ep11', buildQuery({ mode: 'ep11', query: 3, domain: 4 })],
  ['an unknown EP11 function', P, 'ep11', buildEp11({ functionId: 99, domain: 4, body: [] })],
  ['a message of the wrong type', C, 'xcrb', mex('accelerator')],
];

describe.each(REQUESTS)('the reply to %s', (_name, adapter, kind, request) => {
  const reply = ask(adapter, request);

  it('rule 1: has the DQAP length its own header says, for 6.1 and 6.12', () => {
    expect(replyLength(reply, kind, '6.12')).toBe(reply.length);
    // 6.1 takes 272 + VUD length for ICA and so two bytes less, the empty key block; it does not compare.
    const unread = kind === 'ica' ? 2 : 0;
    expect(replyLength(reply, kind, '6.1')).toBe(reply.length - unread);
  });
});

describe.each(REQUESTS.filter(([, a, , request]) => ask(a, request)[1] === 0x86))(
  'the type 86 reply to %s',
  (_name, adapter, kind, request) => {
    const reply = ask(adapter, request);

    it('rule 2: has offset1 48, offset2 48+count1 also without data, no third and fourth part', () => {
      const count1 = u32(reply, 16);
      expect([u32(reply, 20), u32(reply, 28)]).toEqual([48, 48 + count1]);
      expect(reply.length).toBe(48 + count1 + u32(reply, 24));
      expect(reply.subarray(32, 48).every((b) => b === 0)).toBe(true);
    });

    it('rule 3: has the version of its mode in byte 50', () => {
      expect(reply[50]).toBe(kind === 'ep11' ? 4 : 2);
    });
  },
);

describe('rule 1 for ICA replies', () => {
  it('6.12 takes 274 plus the VUD length, which counts the empty key block', () => {
    const reply = ask(C, mex('cca'));
    expect(u16(reply, 272)).toBe(66);
    expect(274 + u16(reply, 272)).toBe(reply.length);
  });
});

describe('rule 4: transport errors', () => {
  it.each(REPLY_CODES.map((r) => [r.name, r.code] as const))(
    '%s is an 82 of exactly 8 bytes, and in type 86 a complete reply with a CPRB',
    (_name, code) => {
      expect([...ask(C, mex('cca'), { inject: { kind: 'code', code } })]).toEqual([
        0,
        0x82,
        0,
        0,
        code,
        0,
        0,
        0,
      ]);
      const full = ask(C, mex('cca'), { inject: { kind: 'code', code, in: '86', apfs: 7 } });
      expect([full[1], full[4], full[50], u32(full, 12)]).toEqual([0x86, code, 2, 7]);
      expect(full.length).toBe(u32(full, 28));
    },
  );
});

describe('rule 5: type 80', () => {
  it.each([
    [512, 144],
    [1024, 144],
    [1032, 272],
    [2048, 272],
    [2056, 528],
  ])('for %i bits is %i bytes long, never above 528', (bits, length) => {
    const k = rsaKey(bits);
    const small = new Uint8Array(bits / 8);
    small[small.length - 1] = 2;
    const request = buildModexpo({
      mode: 'accelerator',
      input: small,
      exponent: k.e,
      modulus: k.n,
    });
    const reply = ask(A, request);
    expect([reply[1], u16(reply, 2), reply.length]).toEqual([0x80, length, length]);
    expect(length).toBeGreaterThanOrEqual(16 + bits / 8);
  });
});

describe('rule 6: RL', () => {
  it.each([4, 8, 2048, 4096])('of %i bytes carries exactly that', (length) => {
    expect(u32(ask(C, buildRng({ domain: 4, length })), 24)).toBe(length);
  });
  it.each([0, 1, 2, 3, 5, 4095, 4097, 4100, 8192])(
    'of %i bytes is refused with 8/25 and carries no data',
    (length) => {
      const reply = ask(C, buildRng({ domain: 4, length }));
      expect([u16(reply, 192), u16(reply, 194), u32(reply, 24)]).toEqual([8, 25, 0]);
    },
  );
});

describe('rule 7: RL', () => {
  it('is answered with rc/rs 0/0 on any CCA card, restricted or without facilities', () => {
    for (const functions of [0xf2800000, 0x10400000, 0x10000000]) {
      const reply = ask(card('cca', { functions }), buildRng({ domain: 4 }));
      expect([reply[1], u16(reply, 192), u16(reply, 194), reply.length]).toEqual([
        0x86, 0, 0, 4372,
      ]);
    }
  });
});

describe('rule 8: FQ', () => {
  it.each([
    ['STATICSA', 10, 204, 512],
    ['STATICSB', 13, 240, 572],
  ])('%s has %i rule elements before %i bytes of var data, count1 %i', (keyword, k, v, count1) => {
    const reply = ask(C, buildQuery({ mode: 'cca', keyword, domain: 4 }));
    expect(u16(reply, 270)).toBe(2 + 8 * k);
    expect(u16(reply, 272 + 8 * k)).toBe(2 + v);
    expect([u32(reply, 16), reply.length]).toEqual([count1, 48 + count1]);
  });
});

describe('rules 9 and 10: EP11 query replies', () => {
  it.each([
    [1, 196, 0xda, 254],
    [3, 80, 0x66, 138],
  ])(
    'of type %i use 82 forms for %i bytes and have envelope %i and count1 %i',
    (query, size, envelope, count1) => {
      const reply = ask(P, buildQuery({ mode: 'ep11', query, domain: 4 }));
      expect([reply[80], reply[81], u16(reply, 82)]).toEqual([0x30, 0x82, envelope]);
      expect([reply[102], reply[103], u16(reply, 104)]).toEqual([0x04, 0x82, size]);
      expect(u32(reply, 16)).toBe(count1);
    },
  );
});

describe('rule 11: ICA requests', () => {
  const pairs = ['8/65', '8/66', '8/72', '8/770', '12/769'];
  const change = (at: number, value: number): Uint8Array => {
    const request = mex('cca');
    request[at] = value;
    return request;
  };
  it.each([
    ['data equal to the modulus', REQUESTS[4][3], '8/66'],
    ['an even modulus', change(539, 0x10), '8/72'],
    ['another token identifier', change(392, 0x1f), '8/72'],
    ['another section identifier', change(400, 0x05), '8/72'],
    ['an unknown rule', change(312, 0x58), '12/769'],
    ['an exponent length beyond the section', change(406, 0xff), '8/72'],
  ])('with %s get one of the five tolerated pairs', (_what, request, expected) => {
    const reply = ask(C, request);
    const pair = `${u16(reply, 192)}/${u16(reply, 194)}`;
    expect(pairs).toContain(pair);
    expect(pair).toBe(expected);
    expect([u16(reply, 272), reply.length, u32(reply, 16)]).toEqual([2, 276, 228]);
  });
});

describe('rule 12: psmid', () => {
  it('is not part of the message: a reply depends on request bytes and context alone', () => {
    const once = ask(C, buildRng({ domain: 4 }));
    const again = ask(C, buildRng({ domain: 4 }));
    expect(Buffer.compare(once, again)).toBe(0);
  });
});
