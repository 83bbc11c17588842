// SPDX-License-Identifier: Apache-2.0
// Every test vector of docs/reference/messages.md section 9, byte for byte, and the lengths of its section 2.7.
import { describe, expect, it } from 'vitest';
import { buildCrt, buildModexpo, buildQuery, buildRng } from '../../src/cex/messages/build.ts';
import { parseReply } from '../../src/cex/messages/parse.ts';
import { ask, card, hex, rsaKey, Seeded, sparse, TEXTBOOK } from './helpers.ts';

describe('textbook RSA on an accelerator', () => {
  const mex = sparse(400, '1: 50, 2: 0190, 8: 0001, 143: 11, 270: 0CA1, 399: 41');
  const crt = sparse(
    464,
    '1: 50, 2: 01D0, 8: 0011, 79: 3D, 143: 35, 207: 35, 271: 31, 335: 26, 462: 0AE6',
  );

  it('builds MEB1 as the reference has it', () => {
    const built = buildModexpo({
      mode: 'accelerator',
      input: Uint8Array.of(65),
      exponent: TEXTBOOK.e,
      modulus: TEXTBOOK.n,
    });
    expect(hex(built)).toBe(hex(mex));
  });

  it('answers MEB1 with type 80 of 144 bytes, 65^17 = 2790', () => {
    const reply = ask(card('accelerator'), mex);
    expect(hex(reply)).toBe(hex(sparse(144, '1: 80, 2: 0090, 142: 0AE6')));
  });

  it('builds CRB1 as the reference has it', () => {
    const built = buildCrt({
      mode: 'accelerator',
      input: Uint8Array.of(0x0a, 0xe6),
      key: TEXTBOOK,
    });
    expect(hex(built)).toBe(hex(crt));
  });

  it('answers CRB1 with 65', () => {
    const reply = ask(card('accelerator'), crt);
    expect(hex(reply)).toBe(hex(sparse(144, '1: 80, 2: 0090, 143: 41')));
  });

  it('answers an even modulus with the error reply of the reference', () => {
    const even = mex.slice();
    even[271] = 0xa2;
    expect(hex(ask(card('accelerator'), even))).toBe('0082000085000000');
  });
});

describe('RL', () => {
  const request = sparse(
    324,
    '1: 06, 16: 00000058, 32: 4341, 52: 524C, 56: 000000EC, 72: 000000EC 00001000, 88: 00DC 02, 94: 5432, 100: 00000010, 108: 000000EC, 116: 00001000, 258: 0004, 308: 524C 000A 52414E444F4D2020 0002 0002',
  );
  const head =
    '1: 86 02, 16: 000000E4 00000030 00001000 00000114, 48: 00DC 02, 54: 5432, 60: 00000010, 68: 000000EC 00000008 00001000 00001000, 218: 0004, 268: 524C 0002 0002 0002';

  it('is built as the reference has it', () => {
    expect(hex(buildRng({ domain: 4 }))).toBe(hex(request));
  });

  it('is answered with the head of the reference and 4096 bytes of the context', () => {
    const expected = new Uint8Array(4372);
    expected.set(sparse(276, head));
    new Seeded(1).fill(expected.subarray(276));
    expect(hex(ask(card('cca'), request))).toBe(hex(expected));
  });
});

describe('EP11 domain query', () => {
  const request = sparse(
    148,
    '1: 06, 16: 00000058, 32: 5843, 49: 01, 56: 0000003C, 72: 00002FD0, 88: 0020 04, 94: 5434, 100: 00000004 FFFFFFFF, 116: 0000001C, 120: 30820018 0404 00010026 0404 00000004 0404 00000003 0404 00000000',
  );

  it('is built as the reference has it', () => {
    expect(hex(buildQuery({ mode: 'ep11', domain: 4 }))).toBe(hex(request));
  });

  it('is answered as the reference has it, with 80 bytes of domain data', () => {
    const reply = ask(card('ep11'), request);
    const head = sparse(
      106,
      '1: 86 02, 16: 0000008A 00000030 00000000 000000BA, 48: 0020 04, 54: 5434, 60: 00000004, 76: 0000006A, 80: 30820066 0404 00010026 0404 00000004 0404 00000000 0482 0050',
    );
    expect(reply.length).toBe(186);
    expect(hex(reply.subarray(0, 106))).toBe(hex(head));
    expect(reply[109]).toBe(4);
    expect(hex(reply.subarray(174, 178))).toBe('00000033');
  });
});

describe('RSA on a CCA coprocessor', () => {
  it.each([
    [64, 540, 795, 340],
    [128, 732, 1083, 404],
    [256, 1116, 1659, 532],
    [512, 1884, 2811, 788],
  ])('of %i bytes has the lengths of the reference', (n, mexTotal, crtTotal, replyTotal) => {
    const key = rsaKey(8 * n);
    const input = key.n.slice();
    input[0] = 0;
    const mex = buildModexpo({ mode: 'cca', input, exponent: key.e, modulus: key.n, domain: 4 });
    const crt = buildCrt({ mode: 'cca', input, key, domain: 4 });
    expect([mex.length, crt.length]).toEqual([mexTotal, crtTotal]);
    for (const request of [mex, crt]) {
      const reply = ask(card('cca'), request);
      expect(reply.length).toBe(replyTotal);
      expect(parseReply(reply)).toMatchObject({ kind: 'cca', rc: 0, rs: 0 });
    }
  });
});
