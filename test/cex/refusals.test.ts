// SPDX-License-Identifier: Apache-2.0
// Messages a card refuses, domains, special commands, restricted cards, and overlapping memory.
// Source: docs/reference/messages.md 2.4, 2.13, 3.1, 8.1, 8.2.
import { describe, expect, it } from 'vitest';
import { type AdapterModel, processRequest, type RequestContext } from '../../src/cex/adapter.ts';
import { targetDomain } from '../../src/cex/domains.ts';
import { buildModexpo, buildQuery, buildRng } from '../../src/cex/messages/build.ts';
import { putU16, putU32 } from '../../src/cex/messages/bytes.ts';
import { buildCca, parameterBlock } from '../../src/cex/messages/cca.ts';
import { buildEp11 } from '../../src/cex/messages/ep11.ts';
import { parseReply } from '../../src/cex/messages/parse.ts';
import { ask, card, context, hex, TEXTBOOK } from './helpers.ts';

const A = card('accelerator');
const C = card('cca');
const P = card('ep11');
const RESTRICTED = 0x00400000;
const none = new Uint8Array(0);
const mex = (): Uint8Array =>
  buildModexpo({
    mode: 'accelerator',
    input: Uint8Array.of(2),
    exponent: TEXTBOOK.e,
    modulus: TEXTBOOK.n,
  });
const rl = (): Uint8Array => buildRng({ domain: 4 });
const query = (domain = 4): Uint8Array => buildQuery({ mode: 'ep11', domain });
const cca = (
  code: string,
  extra: { domain?: number; functionId?: string; agent?: string } = {},
): Uint8Array =>
  buildCca({ parameters: parameterBlock(code, [], none, none), domain: 4, ...extra });

function changed(request: Uint8Array, at: number, ...bytes: number[]): Uint8Array {
  request.set(bytes, at);
  return request;
}

function outcome(
  adapter: AdapterModel,
  request: Uint8Array,
  extra: Partial<RequestContext> = {},
): string {
  const r = parseReply(ask(adapter, request, extra));
  if (r.kind === 'error') return `${r.type.toString(16)}/${r.code.toString(16)}`;
  if (r.kind === 'cca') return `${r.rc}/${r.rs}`;
  if (r.kind === 'ep11') return r.rv.toString(16);
  return r.kind;
}

describe('a message is refused by its header', () => {
  const short = (request: Uint8Array, length: number): Uint8Array => request.slice(0, length);
  it.each<readonly [string, AdapterModel, Uint8Array, string]>([
    ['type 6 to an accelerator', A, rl(), '82/20'],
    ['type 50 to a CCA card', C, mex(), '82/20'],
    ['type 50 to an EP11 card', P, mex(), '82/20'],
    ['7 bytes', C, short(rl(), 7), '82/20'],
    ['no bytes', C, none, '82/23'],
    ['type 50 with a length field one too large', A, changed(mex(), 2, 0x01, 0x91), '82/23'],
    ['type 50 of 12 bytes', A, short(mex(), 12), '82/23'],
    ['an unknown key block type', A, changed(mex(), 8, 0, 4), '82/29'],
    ['a format whose length is another', A, changed(mex(), 8, 0, 2), '82/80'],
    ['a CCA message shorter than header and CPRBX', C, short(rl(), 307), '82/23'],
    ['offset1 other than 88', C, changed(rl(), 19, 92), '82/22'],
    ['a control block beyond the message', C, changed(rl(), 58, 0x10), '82/23'],
    ['a control block below 220', C, changed(rl(), 59, 219), '82/23'],
    ['data beyond the message', C, changed(rl(), 60, 0, 0, 0, 1), '82/23'],
    ['agent XC on a CCA card', C, cca('RL', { agent: 'XC' }), '82/40'],
    ['agent CA on an EP11 card', P, changed(query(), 32, 0x43, 0x41), '82/40'],
    ['cprb_len 219', C, changed(rl(), 89, 219), '82/40'],
    ['CPRBX version 1', C, changed(rl(), 90, 1), '82/40'],
    ['EP11 version 3', P, changed(query(), 90, 3), '82/40'],
    ['EP11 function id T2', P, changed(query(), 95, 0x32), '82/40'],
    ['an EP11 payload longer than the control block', P, changed(query(), 119, 29), '82/23'],
    ['an EP11 payload shorter than its envelope', P, changed(query(), 119, 27), '82/40'],
    ['an EP11 payload without envelope', P, changed(query(), 120, 0x31), '82/40'],
    ['req_parml beyond the control block', C, changed(rl(), 103, 17), '16/556'],
    ['a parameter block that ends early', C, changed(rl(), 103, 15), '16/556'],
    ['a reply that does not fit fromcardlen1', C, changed(rl(), 75, 227), '82/a0'],
    ['a reply that does not fit fromcardlen2', C, changed(rl(), 78, 0x0f), '82/a0'],
    ['an EP11 reply that does not fit', P, changed(query(), 72, 0, 0, 0, 137), '82/a0'],
  ])('%s', (_name, adapter, request, expected) => {
    expect(outcome(adapter, request)).toBe(expected);
  });

  it('reserved bytes are ignored, and refused with 82/24 by a strict card', () => {
    for (const [adapter, request] of [
      [A, changed(mex(), 6, 1)],
      [C, changed(rl(), 14, 1)],
      [P, changed(query(), 65, 1)],
    ] as const) {
      expect(outcome(adapter, request)).not.toMatch(/^82/);
      expect(outcome({ ...adapter, strict: true }, request)).toBe('82/24');
    }
  });
});

describe('a function is refused', () => {
  it.each<readonly [string, AdapterModel, Uint8Array, string]>([
    ['an unknown CCA function with 12/769', C, cca('ZZ'), '12/769'],
    ['DH without a rule with 8/35', C, cca('DH'), '8/35'],
    [
      'an unknown EP11 function with 80010013',
      P,
      buildEp11({ functionId: 77, domain: 4, body: [] }),
      '80010013',
    ],
    ['API ordinal 0 with 80010013', P, changed(query(), 127, 0), '80010013'],
    ['an API ordinal above the card with 80010013', P, changed(query(), 127, 5), '80010013'],
    [
      'an EP11 query of unknown type with 7',
      P,
      buildQuery({ mode: 'ep11', query: 9, domain: 4 }),
      '7',
    ],
    [
      'FQ with an unknown keyword with 8/33',
      C,
      buildQuery({ mode: 'cca', keyword: 'STATXXXX', domain: 4 }),
      '8/33',
    ],
    ['FQ without keyword with 8/35', C, cca('FQ'), '8/35'],
    ['RL without keyword with 8/35', C, cca('RL'), '8/35'],
    ['RL with another keyword with 8/33', C, changed(rl(), 312, 0x58), '8/33'],
  ])('%s', (_name, adapter, request, expected) => {
    expect(outcome(adapter, request)).toBe(expected);
  });
});

describe('the target domain', () => {
  const admin = (domain: number): Uint8Array => cca('ZZ', { domain, functionId: 'T5' });
  const admin11 = (domain: number): Uint8Array =>
    buildEp11({ functionId: 41, domain, body: [], flags: 0x80 });
  it.each<readonly [string, AdapterModel, Uint8Array, string]>([
    ['of a usage command is the queue: accepted', C, buildRng({ domain: 4 }), '0/0'],
    ['of a usage command is another: 82/8A', C, buildRng({ domain: 5 }), '82/8a'],
    ['of a usage command is control-only: 82/8A', C, buildRng({ domain: 7 }), '82/8a'],
    ['of a usage command is FFFF: 82/8A', C, buildRng({ domain: 0xffff }), '82/8a'],
    ['of an admin command is controlled: 12/769', C, admin(7), '12/769'],
    ['of an admin command is the queue and controlled: 12/769', C, admin(4), '12/769'],
    ['of an admin command is not controlled: 82/8A', C, admin(9), '82/8a'],
    ['of an EP11 usage command is another: 82/8A', P, query(5), '82/8a'],
    ['of an EP11 admin command is controlled: 80010013', P, admin11(7), '80010013'],
    ['of an EP11 admin command is not controlled: 82/8A', P, admin11(9), '82/8a'],
    ['in the EP11 payload differs from the CPRB: 82/8A', P, changed(query(), 135, 5), '82/8a'],
  ])('%s', (_name, adapter, request, expected) => {
    expect(outcome(adapter, request)).toBe(expected);
  });

  it('is refused with 82/8A when the queue left the usage domains of the sender', () => {
    expect(outcome(C, rl(), { usage: () => false })).toBe('82/8a');
  });

  it.each([
    ['RL for domain 4', buildRng({ domain: 4 }), 4],
    ['an admin request for 0x47', admin(0x47), 0x47],
    ['an EP11 query for 0xab', query(0xab), 0xab],
    ['type 50', mex(), -1],
    ['a type 6 cut before the domain', rl().slice(0, 250), -1],
    ['another agent', cca('RL', { agent: 'ZZ' }), -1],
    ['no bytes', none, -1],
  ])('that NQAP sees in %s', (_name, request, expected) => {
    expect(targetDomain(request)).toBe(expected);
  });
});

describe('special commands', () => {
  const us = cca('US');
  const special11 = buildEp11({ functionId: 33, domain: 4, body: [], flags: 0x20 });
  it('without the special bit are 82/41', () => {
    expect([outcome(C, us), outcome(C, cca('AU')), outcome(P, special11)]).toEqual([
      '82/41',
      '82/41',
      '82/41',
    ]);
  });
  it('with the bit on a card without facility S are 82/41', () => {
    const functions = 0x12000000;
    expect(outcome(card('cca', { functions }), us, { special: true })).toBe('82/41');
  });
  it('with the bit reach the function', () => {
    expect(outcome(C, us, { special: true })).toBe('16/556');
    expect(outcome(P, special11, { special: true })).toBe('7');
  });
  it('the bit on an ordinary command changes nothing', () => {
    expect(outcome(C, rl(), { special: true })).toBe('0/0');
  });
});

describe('a card with the restricted function set', () => {
  it.each<readonly [string, AdapterModel, Uint8Array, string]>([
    ['answers RL', C, rl(), '0/0'],
    ['answers FQ', C, buildQuery({ mode: 'cca', keyword: 'STATICSA', domain: 4 }), '0/0'],
    ['filters KG with 82/8B', C, cca('KG'), '82/8b'],
    ['filters unknown functions with 82/8B', C, cca('ZZ'), '82/8b'],
    ['answers EP11 queries', P, query(), '0'],
    [
      'filters EP11 GenerateKey with 82/8B',
      P,
      buildEp11({ functionId: 21, domain: 4, body: [] }),
      '82/8b',
    ],
    ['computes on an accelerator', A, mex(), 'result'],
  ])('%s', (_name, adapter, request, expected) => {
    const functions = adapter.functions | RESTRICTED;
    expect(outcome({ ...adapter, functions }, request)).toBe(expected);
  });
});

describe('memory', () => {
  it('may be the same for request and reply, also shared and overlapping', () => {
    const cases = [
      [A, mex()],
      [C, rl()],
      [P, query()],
      [card('loopback'), rl()],
    ] as const;
    for (const [adapter, request] of cases) {
      const expected = hex(ask(adapter, request));
      const shared = new Uint8Array(new SharedArrayBuffer(12288 + 64));
      for (const shift of [0, 8, 64]) {
        shared.set(request, 0);
        const from = shared.subarray(0, request.length);
        const to = shared.subarray(shift, shift + 12288);
        const length = processRequest(adapter, from, to, context());
        expect(hex(to.slice(0, length))).toBe(expected);
      }
    }
  });

  it('too small for the reply gives 82/A0', () => {
    const reply = new Uint8Array(4371);
    expect(processRequest(C, rl(), reply, context())).toBe(8);
    expect(hex(reply.subarray(0, 8))).toBe('00820000a0000000');
    expect(outcome(C, rl(), { maxReplyBytes: 4371 })).toBe('82/a0');
    expect(outcome(C, rl(), { maxReplyBytes: 4372 })).toBe('0/0');
  });

  it('loopback returns the request', () => {
    expect(hex(ask(card('loopback'), rl()))).toBe(hex(rl()));
  });

  it('a data part behind the control block is accepted', () => {
    const request = buildCca({
      parameters: parameterBlock('RL', ['RANDOM'], none, none),
      data: Uint8Array.of(1, 2, 3, 4),
      domain: 4,
      replyDataRoom: 8,
    });
    expect(outcome(C, request)).toBe('0/0');
    putU32(request, 20, 300);
    expect(outcome(C, request)).toBe('82/23');
    putU16(request, 22, 324);
    expect(outcome(C, request)).toBe('0/0');
  });
});
