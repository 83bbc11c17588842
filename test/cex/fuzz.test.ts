// SPDX-License-Identifier: Apache-2.0
// A million random and mutated requests per mode: every one answered once, soundly, without exception or growth. Others than
// those of `npm test`: APEMU_CARDS_SEED=7 npx vitest run test/cex/fuzz.test.ts

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { AdapterMode } from '../../native-like/arch/adapter-types.ts';
import { type AdapterModel, internalFailures, processRequest } from '../../src/cex/adapter.ts';
import { targetDomain } from '../../src/cex/domains.ts';
import { KEY_CACHE_LIMIT, keyCacheStatistics } from '../../src/cex/key-cache.ts';
import { buildCrt, buildModexpo, buildQuery, buildRng } from '../../src/cex/messages/build.ts';
import { u16, u32 } from '../../src/cex/messages/bytes.ts';
import { buildCca, parameterBlock } from '../../src/cex/messages/cca.ts';
import { buildEcc } from '../../src/cex/messages/ecc.ts';
import { buildEp11, u32Argument } from '../../src/cex/messages/ep11.ts';
import { parseReply } from '../../src/cex/messages/parse.ts';
import { requestFunction } from '../../src/cex/request-function.ts';
import { big, card, context, hex, Seeded, TEXTBOOK } from './helpers.ts';

/** Requests per mode, and the seed of the whole run. */
const COUNT = 1_000_000;
const SEED = Number(process.env['APEMU_CARDS_SEED'] ?? 0x5eed_ca7d);
/** One request in so many is a good one, the rest are broken so that most are cheap to refuse. */
const GOOD_ONE_IN = 400;
const MOST = 12288;
/** Most bytes the heap may grow between two halves of a run. */
const GROWTH = 8 << 20;

const none = new Uint8Array(0);
const odd16 = big(2n ** 127n - 1n, 16);
const odd32 = big(2n ** 255n - 19n, 32);
const tiny = { mode: 'accelerator', input: Uint8Array.of(65), exponent: TEXTBOOK.e } as const;
const crt16 = {
  p: big(2n ** 63n - 25n),
  q: big(2n ** 61n - 1n),
  dp: big(5n),
  dq: big(7n),
  u: big(9n),
};
const cca = (code: string, rules: string[], vud: Uint8Array, keys: Uint8Array): Uint8Array =>
  buildCca({ parameters: parameterBlock(code, rules, vud, keys), domain: 4 });
const ep11 = (functionId: number, body: Uint8Array[], flags = 0): Uint8Array =>
  buildEp11({ functionId, domain: 4, body, flags });
const p256 = {
  curveType: 0,
  bits: 256,
  d: new Uint8Array(32).fill(1),
  point: new Uint8Array(64).fill(2),
};
const zero = u32Argument(0);
const entry = Uint8Array.of(0, 4, 0, 0x30);

/** Good requests by mode, smallest operands first. */
const TEMPLATES: Readonly<Record<AdapterMode, readonly Uint8Array[]>> = {
  accelerator: [
    buildModexpo({ ...tiny, modulus: Uint8Array.of(0x0c, 0xa0) }),
    buildModexpo({ ...tiny, modulus: TEXTBOOK.n }),
    buildCrt({ mode: 'accelerator', input: Uint8Array.of(9), key: TEXTBOOK }),
    buildModexpo({
      mode: 'accelerator',
      input: new Uint8Array(300),
      exponent: TEXTBOOK.e,
      modulus: new Uint8Array(300).fill(0xfe),
    }),
  ],
  cca: [
    buildRng({ domain: 4, length: 4 }),
    buildModexpo({
      mode: 'cca',
      input: big(9n, 16),
      exponent: Uint8Array.of(3),
      modulus: odd16,
      domain: 4,
      kernel: '6.1',
    }),
    buildCrt({ mode: 'cca', input: big(9n, 16), key: crt16, domain: 4 }),
    buildQuery({ mode: 'cca', keyword: 'STATICSB', domain: 4 }).slice(0, 500),
    cca('KG', [], Buffer.from('OP      KEYLN32 AESDATA         '), none),
    cca('CM', ['AES'], odd16, entry),
    cca('IP', ['AES', 'FIRST'], odd16, entry),
    cca('US', [], entry, new Uint8Array(68)),
    cca('AU', ['EXPT-SK'], entry, new Uint8Array(130)),
    buildEcc({ kind: 'generate', curveType: 0, bits: 256, domain: 4 }),
    buildEcc({ kind: 'sign', key: p256, hash: odd32, domain: 4 }),
    buildEcc({ kind: 'agree', d: p256.d, other: p256, domain: 4 }),
    buildEcc({ kind: 'verify', key: p256, hash: odd32, signature: p256.point, domain: 4 }),
  ],
  ep11: [
    buildQuery({ mode: 'ep11', domain: 4 }),
    buildQuery({ mode: 'ep11', query: 1, domain: 4 }),
    ep11(21, [zero, u32Argument(16), u32Argument(0x1080), new Uint8Array(20), none]),
    ep11(19, [zero, u32Argument(0x1085), new Uint8Array(256), odd16]),
    ep11(34, [new Uint8Array(12), zero, new Uint8Array(256), none, none, odd16]),
    ep11(33, [zero, zero, new Uint8Array(256), none, none], 0x20),
  ],
  loopback: [buildRng({ domain: 4 }).slice(0, 100)],
};

/** Bytes a header mutation hits: type, lengths, offsets, agent, CPRB, function, lengths in the parameter block. */
const HEADER: Readonly<Record<AdapterMode, number>> = {
  accelerator: 16,
  cca: 330,
  ep11: 150,
  loopback: 100,
};

/** Makes the next request in `buffer`; returns its length. */
function mutate(random: Seeded, mode: AdapterMode, buffer: Uint8Array): number {
  const templates = TEMPLATES[mode];
  const good = random.below(GOOD_ONE_IN) === 0;
  const template =
    templates[random.below(good ? templates.length : 1 + random.below(templates.length))];
  buffer.set(template);
  if (good && random.below(2) === 0) return template.length;
  const kind = random.below(16);
  if (kind === 0) {
    const length = 1 + random.below(200);
    for (let i = 0; i < length; i++) buffer[i] = random.next();
    return length;
  }
  if (kind < 3) return 1 + random.below(template.length);
  if (kind === 3) return Math.min(template.length + 1 + random.below(600), buffer.length);
  const range = good ? template.length : Math.min(HEADER[mode], template.length);
  // The type byte or a length first, so that most are refused before any arithmetic.
  if (!good)
    buffer[mode === 'accelerator' ? 1 + random.below(3) : random.below(range)] = random.next();
  for (let i = random.below(4); i > 0; i--) buffer[random.below(range)] = random.next();
  return template.length;
}

/** What is wrong with a reply; undefined if it is sound. */
function unsound(
  mode: AdapterMode,
  reply: Uint8Array,
  length: number,
  request: number,
): string | undefined {
  if (mode === 'loopback') return length === request ? undefined : 'loopback length';
  if (length < 8 || length > MOST) return `length ${length}`;
  const type = reply[1];
  if (type === 0x82) return length === 8 ? undefined : 'error reply is not 8 bytes';
  if (mode === 'accelerator') {
    return type === 0x80 && length <= 528 && u16(reply, 2) === length ? undefined : 'type 80';
  }
  if (type !== 0x86 || reply[50] !== (mode === 'cca' ? 2 : 4)) return 'type or version';
  if (u32(reply, 20) !== 48 || u32(reply, 28) !== 48 + u32(reply, 16)) return 'offsets';
  return length === 48 + u32(reply, 16) + u32(reply, 24) ? undefined : 'counts';
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function memory(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function run(adapter: AdapterModel, random: Seeded, count: number): Map<string, number> {
  const { mode } = adapter;
  const ctx = context({ special: true, random: (target) => target.fill(0x5a) });
  const buffer = new Uint8Array(8192);
  const reply = new Uint8Array(16384);
  const kinds = new Map<string, number>();
  const failures = internalFailures();
  for (let i = 0; i < count; i++) {
    const size = mutate(random, mode, buffer);
    const request = buffer.subarray(0, size);
    const length = processRequest(adapter, request, reply, ctx);
    let wrong = unsound(mode, reply, length, size);
    if (internalFailures() !== failures) wrong = 'internal failure';
    if (wrong !== undefined) {
      throw new Error(`${wrong}: mode ${mode}, seed ${SEED}, request ${i}, bytes ${hex(request)}`);
    }
    const kind = `${reply[1].toString(16)}/${reply[1] === 0x82 ? reply[4].toString(16) : ''}`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return kinds;
}

describe('a million random and mutated requests', () => {
  const expected: Readonly<Record<AdapterMode, readonly string[]>> = {
    accelerator: ['80/', '82/20', '82/23', '82/29', '82/80', '82/85'],
    cca: ['86/', '82/20', '82/22', '82/23', '82/40', '82/8a', '82/a0'],
    ep11: ['86/', '82/20', '82/22', '82/23', '82/40', '82/8a', '82/a0'],
    loopback: [],
  };
  it.each(Object.keys(expected) as AdapterMode[])(
    '%s: each is answered once, no longer than allowed, without exception or growth',
    (mode) => {
      const random = new Seeded(SEED);
      const adapter = card(mode);
      const first = run(adapter, random, COUNT / 2);
      const before = memory();
      const second = run(adapter, random, COUNT / 2);
      const grown = memory() - before;
      const counted = [...first.values(), ...second.values()].reduce((a, b) => a + b, 0);
      expect(counted).toBe(COUNT);
      expect([...first.keys()]).toEqual(expect.arrayContaining([...expected[mode]]));
      expect(grown).toBeLessThan(GROWTH);
      expect(keyCacheStatistics().size).toBeLessThanOrEqual(KEY_CACHE_LIMIT);
    },
    300_000,
  );
});

describe('readers of any bytes', () => {
  it('parseReply, targetDomain and requestFunction take 100,000 random messages', () => {
    const random = new Seeded(SEED);
    const buffer = new Uint8Array(8192);
    let read = 0;
    for (let i = 0; i < 100_000; i++) {
      const mode = (['accelerator', 'cca', 'ep11'] as const)[random.below(3)];
      const bytes = buffer.subarray(0, mutate(random, mode, buffer));
      if (random.below(2) === 0) bytes[1] = [0x80, 0x82, 0x86][random.below(3)];
      parseReply(bytes);
      requestFunction(mode, bytes);
      const domain = targetDomain(bytes);
      if (domain >= -1) read++;
    }
    expect(read).toBe(100_000);
  });
});
