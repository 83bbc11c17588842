// SPDX-License-Identifier: Apache-2.0
// What the tests of src/cex share: adapters, contexts, a seeded generator, sparse hex in the notation of messages.md section 9.

import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { AdapterMode } from '../../native-like/arch/adapter-types.ts';
import { type AdapterModel, processRequest, type RequestContext } from '../../src/cex/adapter.ts';
import type { CrtKey } from '../../src/cex/messages/cca.ts';

/** The cards of messages.md section 6 (AD-24 without 4K left out). */
export function card(mode: AdapterMode, extra: Partial<AdapterModel> = {}): AdapterModel {
  const functions = { accelerator: 0xea800000, cca: 0xf2800000, ep11: 0x86800000, loopback: 0 };
  return { type: 14, mode, functions: functions[mode], serial: 'EMU00005', ...extra };
}

/** xorshift32 generator: deterministic numbers and bytes. */
export class Seeded {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state;
  }
  below(limit: number): number {
    return this.next() % limit;
  }
  fill = (target: Uint8Array): void => {
    for (let i = 0; i < target.length; i++) target[i] = this.next() >>> 13;
  };
  bytes(size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    this.fill(bytes);
    return bytes;
  }
}

/** A queue 05.0004 that may use 4 and control 4 and 7. */
export function context(extra: Partial<RequestContext> = {}): RequestContext {
  return {
    apid: 5,
    apqi: 4,
    usage: (domain) => domain === 4,
    control: (domain) => domain === 4 || domain === 7,
    random: new Seeded(1).fill,
    special: false,
    maxReplyBytes: 12288,
    ...extra,
  };
}

/** One request through a card; the reply as a copy of its exact length. */
export function ask(
  adapter: AdapterModel,
  request: Uint8Array,
  extra: Partial<RequestContext> = {},
): Uint8Array {
  const reply = new Uint8Array(65536);
  const length = processRequest(adapter, request, reply, context(extra));
  return reply.slice(0, length);
}

/** Bytes from "offset: hex hex, offset: hex"; everything else zero. */
export function sparse(size: number, text: string): Uint8Array {
  const bytes = new Uint8Array(size);
  for (const part of text.split(',')) {
    const [offset, data] = part.split(':') as [string, string];
    bytes.set(Buffer.from(data.replaceAll(' ', ''), 'hex'), Number(offset));
  }
  return bytes;
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Big-endian bytes of a number. */
export function big(value: bigint, size = 0): Uint8Array {
  const text = value.toString(16);
  const even = text.length % 2 === 0 ? text : `0${text}`;
  return Buffer.from(even.padStart(2 * size, '0'), 'hex');
}

export function num(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${hex(bytes)}`);
}

/** base^exponent mod modulus, slow and obvious. */
export function modPow(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n % modulus;
  for (let b = base % modulus, e = exponent; e > 0n; e >>= 1n, b = (b * b) % modulus) {
    if (e & 1n) result = (result * b) % modulus;
  }
  return result;
}

/** An RSA key as the messages carry it, with Node's own object. */
export interface TestKey extends CrtKey {
  readonly n: Uint8Array;
  readonly e: Uint8Array;
  readonly d: Uint8Array;
  readonly object: KeyObject;
}

/** A fresh RSA key. */
export function rsaKey(bits: number, publicExponent = 65537): TestKey {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: bits, publicExponent });
  const j = privateKey.export({ format: 'jwk' });
  const b = (text: string | undefined): Uint8Array =>
    new Uint8Array(Buffer.from(text ?? '', 'base64url'));
  return {
    n: b(j.n),
    e: b(j.e),
    d: b(j.d),
    p: b(j.p),
    q: b(j.q),
    dp: b(j.dp),
    dq: b(j.dq),
    u: b(j.qi),
    object: privateKey,
  };
}

/** The textbook key of messages.md section 9. */
export const TEXTBOOK = {
  n: Uint8Array.of(0x0c, 0xa1),
  e: Uint8Array.of(17),
  p: Uint8Array.of(61),
  q: Uint8Array.of(53),
  dp: Uint8Array.of(53),
  dq: Uint8Array.of(49),
  u: Uint8Array.of(38),
} as const;

/** SHA-256 in hex. */
export function sha256(...parts: Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}
