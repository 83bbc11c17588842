// SPDX-License-Identifier: Apache-2.0
// Requests to the crypto cards of a Linux kernel: RSA, CCA, EP11 and random numbers. Each comes as system calls for the agent, with what
// is known of its answer.
// Source: Linux, arch/s390/include/uapi/asm/zcrypt.h (structures, ioctl numbers); docs/reference/messages.md.
import { constants, publicEncrypt, type RsaPublicKey } from 'node:crypto';
import { buildQuery, buildRng } from '../cex/messages/build.ts';
import { u32 } from '../cex/messages/bytes.ts';
import type { CrtKey } from '../cex/messages/cca.ts';
import { TYPE6_HEADER } from '../cex/messages/headers.ts';
import { WORKLOAD_EXPONENT, WORKLOAD_KEYS } from '../cex/messages/workload-keys.ts';
import type { AdapterMode } from '../config/types.ts';
import { nextRandom, seedRandom } from '../lpar/random.ts';
import type { RequestKind } from '../program/events.ts';
import type { OrderResult } from './agent/agent.ts';
import {
  type Block,
  type EncodedOrder,
  ioctl,
  OPEN,
  open,
  read,
  type SystemCall,
} from './agent/orders.ts';

/** A request that can be made again and again. `node` is the device to which it is made. */
export interface UserRequest {
  readonly kind: RequestKind;
  calls(node: string): readonly SystemCall[];
  /** Takes the output out of what the kernel has returned. */
  output(result: OrderResult, order: EncodedOrder): Uint8Array;
  /** The right output; undefined if what a healthy queue answers is taken for right. */
  readonly expected: Uint8Array | undefined;
  /** Set if the answer of each queue of the mode is right where the kernel chooses the queue. */
  readonly anyQueue?: true;
  /** Set if it ends even without a card, so that its end means nothing for a card. */
  readonly local?: true;
}

export const IOCTL = {
  rsaModexpo: 0xc0007a05,
  rsaCrt: 0xc0007a06,
  cca: 0xc0007a81,
  ep11: 0xc0007a04,
} as const;

const REPLY_ROOM = 4096;
const RANDOM_BYTES = 64;
/** Number that stands for any card. */
const AUTOSELECT = 0xffffffff;
const CCA_AGENT = 0x4341;

const hex = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
const product = (a: Uint8Array, b: Uint8Array): Buffer =>
  Buffer.from((hex(a) * hex(b)).toString(16).padStart(2 * (a.length + b.length), '0'), 'hex');

const outputOf =
  (block: Block) =>
  ({ bytes }: OrderResult, { places }: EncodedOrder): Uint8Array => {
    const at = places.get(block) ?? 0;
    return bytes.subarray(at, at + block.bytes.length);
  };

/** A structure for an ioctl. Fields are `[offset, bytes, value]`; a block becomes its address. */
export const struct = (
  size: number,
  fields: readonly (readonly [at: number, bytes: 2 | 4 | 8, value: number | Block])[],
): Block => {
  const bytes = Buffer.alloc(size);
  const pointers: (readonly [number, Block])[] = [];
  for (const [at, width, value] of fields) {
    if (typeof value !== 'number') pointers.push([at, value]);
    else if (width === 8) bytes.writeBigUInt64BE(BigInt(value), at);
    else if (width === 4) bytes.writeUInt32BE(value, at);
    else bytes.writeUInt16BE(value, at);
  }
  return { bytes, pointers };
};

const rsa = (
  kind: 'mex' | 'crt',
  input: Uint8Array,
  numbers: readonly Uint8Array[],
  expected: Uint8Array,
): UserRequest => {
  const out: Block = { bytes: new Uint8Array(input.length).fill(0x5a) };
  const keys = numbers.map((bytes, n) => [32 + 8 * n, 8, { bytes }] as const);
  const argument = struct(32 + 8 * numbers.length, [
    [0, 8, { bytes: input }],
    [8, 4, input.length],
    [16, 8, out],
    [24, 4, out.bytes.length],
    ...keys,
  ]);
  const code = kind === 'mex' ? IOCTL.rsaModexpo : IOCTL.rsaCrt;
  return {
    kind,
    expected,
    calls: (node) => [open(node, OPEN.both), ioctl(code, argument)],
    output: outputOf(out),
  };
};

/** The number with eight zero bytes before it: three of the five parts of a CRT key are that much longer. */
const longer = (bytes: Uint8Array): Uint8Array => Buffer.concat([Buffer.alloc(8), bytes]);

const rsaRequests = (random: (target: Uint8Array) => void): UserRequest[] =>
  WORKLOAD_KEYS.slice(0, 2).flatMap((key: CrtKey) => {
    const modulus = product(key.p, key.q);
    const plain = new Uint8Array(modulus.length);
    random(plain);
    plain[0] = 0;
    const n = Buffer.from(modulus).toString('base64url');
    const jwk = {
      key: { kty: 'RSA', n, e: 'AQAB' },
      format: 'jwk',
      padding: constants.RSA_NO_PADDING,
    };
    const cipher = new Uint8Array(publicEncrypt(jwk as unknown as RsaPublicKey, plain));
    const exponent = new Uint8Array(modulus.length);
    new DataView(exponent.buffer).setUint32(exponent.length - 4, WORKLOAD_EXPONENT);
    const { p, q, dp, dq, u } = key;
    return [
      rsa('mex', plain, [exponent, modulus], cipher),
      rsa('crt', cipher, [longer(dp), dq, longer(p), q, longer(u)], plain),
    ];
  });

/** The request block of a message, without its type 6 header and without what may follow the block. */
const blockOf = (message: Uint8Array): Uint8Array => {
  const { size, at } = TYPE6_HEADER;
  return message.slice(size, size + u32(message, at.toCardLength1));
};

const cca = (kind: RequestKind, message: Uint8Array): UserRequest => {
  const request: Block = { bytes: blockOf(message) };
  const reply: Block = { bytes: new Uint8Array(REPLY_ROOM) };
  const data: Block = { bytes: new Uint8Array(REPLY_ROOM) };
  const argument = struct(94, [
    [0, 2, CCA_AGENT],
    [2, 4, AUTOSELECT],
    [8, 4, request.bytes.length],
    [20, 8, request],
    [48, 4, REPLY_ROOM],
    [60, 8, reply],
    [68, 4, REPLY_ROOM],
    [80, 8, data],
  ]);
  return {
    kind,
    anyQueue: true,
    expected: undefined,
    calls: (node) => [open(node, OPEN.both), ioctl(IOCTL.cca, argument)],
    output: outputOf(reply),
  };
};

/** `targets` is the number of targets that are named. If none is, the kernel chooses. */
const ep11 = (message: Uint8Array, apqn: number, targets = 1): UserRequest => {
  const request: Block = { bytes: blockOf(message) };
  const reply: Block = { bytes: new Uint8Array(REPLY_ROOM) };
  const target = struct(4, [
    [0, 2, apqn >>> 8],
    [2, 2, apqn & 0xff],
  ]);
  const argument = struct(58, [
    [0, 2, targets],
    [2, 8, targets === 0 ? 0 : target],
    [26, 8, request.bytes.length],
    [34, 8, request],
    [42, 8, REPLY_ROOM],
    [50, 8, reply],
  ]);
  return {
    kind: 'query',
    ...(targets === 0 ? { anyQueue: true } : {}),
    expected: undefined,
    calls: (node) => [open(node, OPEN.both), ioctl(IOCTL.ep11, argument)],
    output: outputOf(reply),
  };
};

const hwrng = (): UserRequest => {
  const into: Block = { bytes: new Uint8Array(RANDOM_BYTES) };
  return {
    kind: 'rng',
    expected: undefined,
    calls: () => [open('/dev/hwrng', OPEN.read), read(into)],
    // The output is random, so that nothing is right or wrong.
    output: () => new Uint8Array(0),
  };
};

/** The requests to a queue whose adapter has this mode. The same seed gives the same requests. */
export const requestsOf = (mode: AdapterMode, apqn: number, seed: number): UserRequest[] => {
  let state = seedRandom(seed, apqn);
  const random = (target: Uint8Array): void => {
    for (let i = 0; i < target.length; i++) {
      state = nextRandom(state);
      target[i] = state >>> 11;
    }
  };
  const domain = apqn & 0xff;
  switch (mode) {
    case 'accelerator':
      return rsaRequests(random);
    case 'cca':
      return [
        ...rsaRequests(random),
        cca('rng', buildRng({ domain })),
        cca('query', buildQuery({ mode: 'cca', keyword: 'STATICSA', domain })),
        hwrng(),
      ];
    case 'ep11':
      return [
        ...[1, 3].map((query) => ep11(buildQuery({ mode: 'ep11', query, domain }), apqn)),
        ep11(buildQuery({ mode: 'ep11', query: 1, domain }), apqn, 0),
      ];
    default:
      return [];
  }
};
