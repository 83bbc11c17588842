// SPDX-License-Identifier: Apache-2.0
// Imported RSA private keys, bounded: a CRT key that keeps coming is imported once and then runs as one OpenSSL operation.
//
// CD-02 Why a cache. A private operation with a fresh key pays for import and blinding (2048 bits, this project's server:
// 0.53 ms against 0.25 ms), as much as two half-size public operations, which need no import. So a key's first messages take the
// formula in rsa.ts; then it is imported and tried. Entries are compared with every byte of the key parts, never by a digest alone.
//
// Why no result is checked. OpenSSL computes I^dp mod p for I = c * r^e with a random r (blinding). With x^(e*dp) = x for all x
// mod p that is the formula's c^dp * r; without it, it is something else, and not even reliably, so that checking result^e = c
// is not enough: another root of c can pass. So import establishes it once: e*dp = 1 + m*(p-1) with m and p coprime, and TRIALS
// random numbers x that come back. If some unit x does not, at least half of all do not. If all units do, p has no square factor
// (it would divide m), and so all x do. Primes always pass.
import {
  constants,
  createHash,
  createPrivateKey,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
} from 'node:crypto';
import { byteLength, toBigInt, toBytes } from './big-endian.ts';
import { significant, u32 } from './messages/bytes.ts';
import type { CrtKey } from './messages/cca.ts';

/**
 * Highest number of keys that are kept. The oldest is dropped first. A machine has at most 256 adapters, and programs that terminate TLS
 * use a handful of keys each.
 */
export const KEY_CACHE_LIMIT = 256;

/** Public exponents tried when a key is imported; others never enter the cache and always take the formula. */
const EXPONENTS: readonly bigint[] = [65537n, 3n, 17n, 5n, 257n];

/** Smaller factors take the formula: import saves nothing there, and OpenSSL refuses exponents above the modulus. */
const SMALLEST_PRIME = 1n << 127n;

/** Messages a key's formula is computed for before the key is imported and tried. */
const FORMULA_MESSAGES = 4;

/** Number of trials. Something that is not a key passes them with a probability of at most 2^-24. */
const TRIALS = 24;

const PADDING = constants.RSA_NO_PADDING;

interface ImportedKey {
  readonly key: KeyObject;
  /** Length of the modulus in bytes. */
  readonly size: number;
}

interface Entry {
  /** p, q, dp, dq and u, leading zeros removed. */
  readonly parts: readonly Uint8Array[];
  messages: number;
  /** Undefined for the first messages; null if the key cannot be imported or failed a trial. */
  imported: ImportedKey | null | undefined;
}

/** Counters of the key cache. */
export interface KeyCacheStatistics {
  /** Number of operations with an imported key. */
  hits: number;
  /** Operations by the formula: first messages of a key, or a key that cannot be imported. */
  misses: number;
  /** Number of keys imported. */
  imports: number;
  /** Imported keys that failed a trial: no RSA keys. */
  failedTrials: number;
  /** Number of keys dropped. */
  evictions: number;
}

const entries = new Map<number, Entry>();
const counters: KeyCacheStatistics = {
  hits: 0,
  misses: 0,
  imports: 0,
  failedTrials: 0,
  evictions: 0,
};

/** A copy of the counters with the number of keys held. */
export function keyCacheStatistics(): KeyCacheStatistics & { readonly size: number } {
  return { ...counters, size: entries.size };
}

/** Forgets all keys and counts. */
export function clearKeyCache(): void {
  entries.clear();
  Object.assign(counters, { hits: 0, misses: 0, imports: 0, failedTrials: 0, evictions: 0 });
}

/** An entry's name: a few bits of p and q, which tell keys apart well enough; the parts decide. */
function entryName(p: Uint8Array, q: Uint8Array): number {
  return Math.imul(u32(p, p.length >> 1), 0x9e3779b1) ^ u32(q, q.length >> 1);
}

/** Whether e * dp = 1 + m * (p - 1), m and p without a common factor. */
function exponentFits(e: bigint, dp: bigint, p: bigint): boolean {
  if ((e * dp) % (p - 1n) !== 1n) return false;
  let [a, b] = [p, (e * dp - 1n) / (p - 1n)];
  while (b > 0n) [a, b] = [b, a % b];
  return a === 1n;
}

function importKey(key: CrtKey): ImportedKey | null {
  const [p, q, dp, dq, u] = [key.p, key.q, key.dp, key.dq, key.u].map(toBigInt) as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  if (p < SMALLEST_PRIME || q < SMALLEST_PRIME || (u * q) % p !== 1n) return null;
  const e = EXPONENTS.find((x) => exponentFits(x, dp, p) && exponentFits(x, dq, q));
  if (e === undefined) return null;
  const field = (value: bigint): string =>
    Buffer.from(toBytes(value, byteLength(value))).toString('base64url');
  try {
    counters.imports++;
    const object = createPrivateKey({
      format: 'jwk',
      key: {
        kty: 'RSA',
        n: field(p * q),
        e: field(e),
        // OpenSSL uses d if a result does not verify. With this d, the trials notice that it did.
        d: 'AQ',
        p: field(p),
        q: field(q),
        dp: field(dp),
        dq: field(dq),
        qi: field(u),
      },
    });
    return { key: object, size: byteLength(p * q) };
  } catch {
    return null;
  }
}

/** Whether random numbers come back. They are drawn from the key itself, so that runs repeat. */
function standsTrials({ key, size }: ImportedKey, parts: Entry['parts']): boolean {
  const options = { key, padding: PADDING };
  for (let n = 0; n < TRIALS; n++) {
    const hash = createHash('shake256', { outputLength: size }).update(Uint8Array.of(n));
    for (const part of parts) hash.update(part);
    const x = hash.digest();
    x[0] = 0;
    if (Buffer.compare(publicEncrypt(options, privateDecrypt(options, x)), x) !== 0) return false;
  }
  return true;
}

function importAndTry(key: CrtKey, parts: Entry['parts']): ImportedKey | null {
  const imported = importKey(key);
  if (imported === null || standsTrials(imported, parts)) return imported;
  counters.failedTrials++;
  return null;
}

function find(key: CrtKey): Entry | undefined {
  const parts = [key.p, key.q, key.dp, key.dq, key.u];
  const name = entryName(key.p, key.q);
  const entry = entries.get(name);
  if (entry?.parts.every((part, i) => sameBytes(part, parts[i]))) {
    if (entry.imported === undefined && ++entry.messages > FORMULA_MESSAGES) {
      entry.imported = importAndTry(key, entry.parts);
    }
    return entry;
  }
  entries.delete(name);
  if (entries.size >= KEY_CACHE_LIMIT) {
    counters.evictions++;
    entries.delete(entries.keys().next().value!);
  }
  // Copies: the parts are views of a request.
  const copies = parts.map((part) => new Uint8Array(part));
  entries.set(name, { parts: copies, messages: 1, imported: undefined });
  return undefined;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/**
 * The private operation with an imported key: c -> c^d mod p*q in `size` bytes. Undefined if the key is new or cannot be
 * imported; then the caller computes the formula.
 */
export function privateOperation(
  base: Uint8Array,
  key: CrtKey,
  size: number,
): Uint8Array | undefined {
  const short: CrtKey = {
    p: significant(key.p),
    q: significant(key.q),
    dp: significant(key.dp),
    dq: significant(key.dq),
    u: significant(key.u),
  };
  const imported = find(short)?.imported;
  if (imported == null) {
    counters.misses++;
    return undefined;
  }
  const n = imported.size;
  let operand = significant(base);
  if (operand.length !== n) {
    const padded = new Uint8Array(n);
    padded.set(operand, n - operand.length);
    operand = padded;
  }
  const raw = privateDecrypt({ key: imported.key, padding: PADDING }, operand);
  counters.hits++;
  if (raw.length === size) return raw;
  const result = new Uint8Array(size);
  result.set(raw, size - raw.length);
  return result;
}
