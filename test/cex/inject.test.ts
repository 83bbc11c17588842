// SPDX-License-Identifier: Apache-2.0
// Injected replies: every code in every shape, damaging shapes only with the switch. Source: messages.md 3.1, 8.3.
import { describe, expect, it } from 'vitest';
import { injectIntoReply } from '../../src/cex/adapter.ts';
import { checkInjection, injectionDanger } from '../../src/cex/inject.ts';
import type { InjectedReply } from '../../src/cex/injected-reply.ts';
import { buildCrt, buildModexpo, buildQuery, buildRng } from '../../src/cex/messages/build.ts';
import { u16, u32 } from '../../src/cex/messages/bytes.ts';
import { parseReply, replyLength } from '../../src/cex/messages/parse.ts';
import { CCA, REPLY_CODES } from '../../src/cex/messages/reply-codes.ts';
import { REPLY_SHAPES } from '../../src/cex/shapes.ts';
import { ask, card, context, hex, rsaKey } from './helpers.ts';

const A = card('accelerator');
const C = card('cca');
const P = card('ep11');
const key = rsaKey(1024);
const x = key.n.map((b, i) => (i === 0 ? 0 : b));
const mex = buildModexpo({ mode: 'accelerator', input: x, exponent: key.e, modulus: key.n });
const pd = buildCrt({ mode: 'cca', input: x, key, domain: 4 });
const rl = buildRng({ domain: 4 });
const fq = buildQuery({ mode: 'cca', keyword: 'STATICSA', domain: 4 });
const query = buildQuery({ mode: 'ep11', domain: 4 });
const MESSAGES = [
  [A, mex],
  [C, pd],
  [C, rl],
  [C, fq],
  [P, query],
] as const;

describe('codes', () => {
  it('every code of 3.1 comes in 82, 87 and 88, in every mode', () => {
    for (const { code } of REPLY_CODES) {
      for (const where of ['82', '87', '88'] as const) {
        for (const [adapter, request] of MESSAGES) {
          const reply = ask(adapter, request, { inject: { kind: 'code', code, in: where } });
          expect(hex(reply)).toBe(`00${where}0000${code.toString(16).padStart(2, '0')}000000`);
        }
      }
    }
  });

  it('type 86 with a reply code is complete on C and P, and 82 on A, which has none', () => {
    const inject: InjectedReply = { kind: 'code', code: 0x90, in: '86', apfs: 0x1234 };
    expect(parseReply(ask(C, pd, { inject }))).toMatchObject({
      kind: 'cca',
      code: 0x90,
      apfs: 0x1234,
    });
    expect(parseReply(ask(P, query, { inject }))).toMatchObject({
      kind: 'ep11',
      code: 0x90,
      apfs: 0x1234,
    });
    expect(parseReply(ask(A, mex, { inject }))).toMatchObject({ kind: 'error', code: 0x90 });
  });

  it.each(Object.values(CCA).map((c) => [`${c.rc}/${c.rs}`, c] as const))('CCA %s', (_name, c) => {
    const reply = ask(C, pd, { inject: { kind: 'cca', rc: c.rc, rs: c.rs } });
    expect(parseReply(reply)).toMatchObject({ kind: 'cca', rc: c.rc, rs: c.rs });
    expect(reply.length).toBe(276);
  });

  it('EP11 return value and CPRB ret_code', () => {
    const inject: InjectedReply = { kind: 'ep11', rv: 0x80010001, returnCode: 0x000c0003 };
    const reply = ask(P, query, { inject });
    expect(parseReply(reply)).toMatchObject({ rv: 0x80010001, returnCode: 0x000c0003 });
    expect(reply.length).toBe(100);
  });

  it('only for the function named', () => {
    const inject: InjectedReply = { kind: 'code', code: 0x10, function: 'RL' };
    expect(ask(C, rl, { inject }).length).toBe(8);
    expect(ask(C, pd, { inject }).length).toBe(404);
  });

  it('of another mode are left out', () => {
    expect(hex(ask(A, mex, { inject: { kind: 'cca', rc: 8, rs: 65 } }))).toBe(hex(ask(A, mex)));
    expect(hex(ask(C, pd, { inject: { kind: 'ep11' } }))).toBe(hex(ask(C, pd)));
  });
});

/** Injections of every kind and shape. */
const INJECTIONS: readonly InjectedReply[] = [
  { kind: 'code', code: 0x8a },
  { kind: 'code', code: 0x90, in: '86', apfs: 7 },
  { kind: 'code', code: 0x10, function: 'RL' },
  { kind: 'cca', rc: 8, rs: 48 },
  { kind: 'ep11', rv: 0x101 },
  ...REPLY_SHAPES.map(({ name }): InjectedReply => ({ kind: 'shape', shape: name })),
];

it.each(INJECTIONS)('%j goes into a reply that is known as into one that is computed', (inject) => {
  for (const [adapter, request] of MESSAGES)
    for (const allowGuestDamage of [false, true]) {
      // What is random comes later where the reply had to be computed.
      const random = (target: Uint8Array): void => void target.fill(7);
      const extra = { inject, allowGuestDamage, random };
      const room = new Uint8Array(65536);
      const good = ask(adapter, request, { random });
      const length = injectIntoReply(adapter, request, good, room, context(extra));
      const computed = ask(adapter, request, extra);
      expect(hex(room.subarray(0, length))).toBe(hex(computed));
    }
});

describe('shapes', () => {
  const at = (shape: string, value?: number): InjectedReply =>
    value === undefined ? { kind: 'shape', shape } : { kind: 'shape', shape, value };

  it.each<
    readonly [
      string,
      (typeof MESSAGES)[number],
      number | undefined,
      (reply: Uint8Array) => unknown,
      unknown,
    ]
  >([
    ['wrong-type', MESSAGES[1], 0x84, (r) => r[1], 0x84],
    ['echo', MESSAGES[0], undefined, (r) => hex(r), hex(mex)],
    ['wrong-length', MESSAGES[0], 145, (r) => [u16(r, 2), r.length], [145, 144]],
    ['wrong-length', MESSAGES[1], 131, (r) => [replyLength(r, 'ica'), r.length], [405, 404]],
    ['wrong-length', MESSAGES[3], 65535, (r) => u32(r, 16), 65535],
    ['type80-short', MESSAGES[0], 24, (r) => [u16(r, 2), r.length], [24, 24]],
    ['version', MESSAGES[1], 3, (r) => r[50], 3],
    ['zero-offset2', MESSAGES[3], undefined, (r) => [u32(r, 24), u32(r, 28)], [0, 0]],
    ['large-block', MESSAGES[4], 5000, (r) => [u32(r, 16), r.length], [5000, 5048]],
    ['few-rules', MESSAGES[3], 0, (r) => [u16(r, 270), u16(r, 272), r.length], [2, 206, 480]],
    ['few-rules', MESSAGES[3], 9, (r) => [u16(r, 270), r.length], [74, 552]],
    ['short-tag', MESSAGES[4], undefined, (r) => [r[102], r[103], r.length], [4, 80, 184]],
    ['data-length', MESSAGES[4], 197, (r) => u16(r, 104), 197],
    ['short-result', MESSAGES[1], 10, (r) => [u16(r, 272), r.length], [120, 394]],
    ['long-result', MESSAGES[1], 1, (r) => [u16(r, 272), r[274], r.length], [131, 0, 405]],
  ])('%s', (name, [adapter, request], value, look, expected) => {
    expect(look(ask(adapter, request, { inject: at(name, value) }))).toEqual(expected);
  });

  const damaging: readonly (readonly [
    string,
    (typeof MESSAGES)[number],
    (reply: Uint8Array) => boolean,
  ])[] = [
    ['type80-long', MESSAGES[0], (r) => r.length === 1808 && u16(r, 2) === 1808],
    ['outside', MESSAGES[1], (r) => u32(r, 20) > r.length && u32(r, 24) > 0],
    ['rng-long', MESSAGES[2], (r) => u32(r, 24) === 8192 && r.length === 276 + 8192],
    ['rng-short', MESSAGES[2], (r) => u32(r, 24) === 0],
    ['bit-flips', MESSAGES[1], (r) => r.length === 404],
  ];
  it.each(damaging)(
    '%s damages a guest: not sent without the switch',
    (name, [adapter, request], is) => {
      const good = hex(ask(adapter, request));
      const inject = at(name);
      expect(hex(ask(adapter, request, { inject }))).toBe(good);
      const reply = ask(adapter, request, { inject, allowGuestDamage: true });
      expect(hex(reply)).not.toBe(good);
      expect(is(reply)).toBe(true);
    },
  );

  it('the four of the reference and bit flips are the damaging ones, and each says what it does', () => {
    const named = REPLY_SHAPES.filter((s) => s.danger !== undefined);
    expect(named.map((s) => s.row)).toEqual([4, 8, 9, 10, 25]);
    expect(named.every((s) => s.danger!.length > 20)).toBe(true);
    expect(injectionDanger(at('rng-long'))).toContain('overruns');
    expect(injectionDanger(at('echo'))).toBeUndefined();
  });

  it('never make a reply longer than the queue allows', () => {
    const reply = ask(C, rl, { inject: at('rng-long', 60000), allowGuestDamage: true });
    expect(hex(reply)).toBe('00820000a0000000');
  });

  it('of every name leave every reply sound in length', () => {
    for (const s of REPLY_SHAPES) {
      for (const [adapter, request] of MESSAGES) {
        for (const value of [0, 1, 2, 4097, 65535, 0xffffffff]) {
          if (s.name === 'bit-flips' && value > 4097) continue;
          const reply = ask(adapter, request, {
            inject: at(s.name, value),
            allowGuestDamage: true,
          });
          expect(reply.length).toBeGreaterThanOrEqual(8);
          expect(reply.length).toBeLessThanOrEqual(12288);
        }
      }
    }
  });
});

describe('checking a configuration', () => {
  it.each<readonly [string, InjectedReply, boolean, string | undefined]>([
    ['a code', { kind: 'code', code: 0x10 }, false, undefined],
    ['a code above 255', { kind: 'code', code: 256 }, false, 'APEMU_ERR_CEX_INJECT'],
    ['a harmless shape', { kind: 'shape', shape: 'echo' }, false, undefined],
    ['an unknown shape', { kind: 'shape', shape: 'nothing' }, true, 'APEMU_ERR_CEX_INJECT'],
    [
      'a damaging shape',
      { kind: 'shape', shape: 'rng-long' },
      false,
      'APEMU_ERR_CEX_INJECT_DANGER',
    ],
    ['a damaging shape with the switch', { kind: 'shape', shape: 'rng-long' }, true, undefined],
  ])('%s', (_name, inject, allow, expected) => {
    let code: unknown;
    try {
      checkInjection(inject, allow);
    } catch (error) {
      code = (error as { code?: string }).code;
    }
    expect(code).toBe(expected);
  });
});

/** What a guest kernel must never get without the switch, written from messages.md 0.2 and 8.3 rows 4, 8, 9, 10. */
function damage(request: Uint8Array, reply: Uint8Array): string | undefined {
  const length = u16(reply, 2);
  if (reply[1] === 0x80 && length > 528 && length <= 1808) return 'row 4: panic';
  if (reply[1] !== 0x86) return undefined;
  const [count1, offset1, count2] = [u32(reply, 16), u32(reply, 20), u32(reply, 24)];
  if (count2 !== 0 && offset1 + count1 > reply.length) return 'row 8: leak';
  const taken = reply[50] === 2 && reply[4] === 0 && u16(reply, 192) === 0 && u16(reply, 194) === 0;
  if (request !== rl || !taken) return undefined;
  if (count2 > 4096) return 'row 9: overrun';
  return count2 < 4 ? 'row 10: negative index' : undefined;
}

describe('without the switch', () => {
  const VALUES = [0, 1, 2, 3, 4, 5, 8, 24, 527, 528, 529, 1000, 1808, 1809, 4097, 5000, 65535];
  const injections: readonly InjectedReply[] = [
    ...REPLY_SHAPES.flatMap(({ name }) =>
      VALUES.map((value): InjectedReply => ({ kind: 'shape', shape: name, value })),
    ),
    ...(['82', '86', '87', '88'] as const).flatMap((where) =>
      [0, 0x10, 0x8b].map((code): InjectedReply => ({ kind: 'code', code, in: where })),
    ),
    { kind: 'cca', rc: 0, rs: 0 },
    { kind: 'cca', rc: 0, rs: 5 },
    { kind: 'ep11', rv: 0 },
  ];

  it('no injection of any value damages a guest; with it, each kind of damage can be had', () => {
    const had = new Set<string | undefined>();
    for (const inject of injections) {
      for (const [adapter, request] of MESSAGES) {
        const got = damage(request, ask(adapter, request, { inject }));
        expect([inject, got]).toEqual([inject, undefined]);
        had.add(damage(request, ask(adapter, request, { inject, allowGuestDamage: true })));
      }
    }
    had.delete(undefined);
    expect([...had].map((kind) => kind?.slice(0, 6)).sort()).toEqual([
      'row 10',
      'row 4:',
      'row 8:',
      'row 9:',
    ]);
  });
});
