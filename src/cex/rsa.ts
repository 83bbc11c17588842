// SPDX-License-Identifier: Apache-2.0
// RSA arithmetic for every operand a message can carry: OpenSSL's raw operations, BigInt only for what surrounds them.
// Source: docs/reference/messages.md 5.1 (definitions of MEX and CRT).
//
// CD-01 How the operation is chosen. OpenSSL's raw public operation computes base^exponent mod modulus for any odd modulus,
// but wants exponent < modulus, and at most 64 exponent bits above 3072 modulus bits. So:
//   exponent < modulus, size allowed    one public operation
//   otherwise, modulus < 512 bits       BigInt (microseconds)
//   otherwise                           the exponent in digits OpenSSL accepts, combined by Horner's rule
// CRT: the formula by two half-size public operations, which need neither e nor primes. A key that keeps coming is imported and
// tried (key-cache.ts), and then runs as one private operation; keys with primes that are none or a wrong u stay with the formula.
import { constants, publicEncrypt, type RsaPublicKey } from 'node:crypto';
import { byteLength, toBigInt, toBytes } from './big-endian.ts';
import { privateOperation } from './key-cache.ts';
import { significant, u16, u32 } from './messages/bytes.ts';
import type { CrtKey } from './messages/cca.ts';

const PADDING = constants.RSA_NO_PADDING;
/** Above this, OpenSSL refuses public exponents of more than 64 bits (OPENSSL_RSA_SMALL_MODULUS_BITS). */
const SMALL_MODULUS_BITS = 3072;
const LARGE_MODULUS_EXPONENT_BITS = 64;
/** Below this modulus size plain BigInt costs less than 3 ms for the longest exponent, so Horner's rule is not worth its calls. */
const BIGINT_MODULUS_BITS = 512;

function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length;
}

function derLength(size: number): readonly number[] {
  if (size < 0x80) return [size];
  return size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
}

function derInteger(number: Uint8Array): Uint8Array {
  const lead = number.length === 0 || number[0] >= 0x80 ? [0] : [];
  return Buffer.concat([
    Uint8Array.from([0x02, ...derLength(number.length + lead.length), ...lead]),
    number,
  ]);
}

/** PKCS#1 RSAPublicKey of significant bytes. */
function publicKeyDer(modulus: Uint8Array, exponent: Uint8Array): Buffer {
  const n = derInteger(modulus);
  const e = derInteger(exponent);
  return Buffer.concat([Uint8Array.from([0x30, ...derLength(n.length + e.length)]), n, e]);
}

/** Does one raw public operation. Base and modulus have `size` bytes; base and exponent are below the modulus. */
function rawOperation(base: Uint8Array, exponent: Uint8Array, modulus: Uint8Array): Uint8Array {
  // DER in the call itself: no KeyObject waits for the garbage collector. The type lacks what createPublicKey() takes here.
  const options = { key: publicKeyDer(modulus, exponent), format: 'der', type: 'pkcs1' };
  return publicEncrypt({ ...options, padding: PADDING } as RsaPublicKey, base);
}

/** Square and multiply, for moduli below BIGINT_MODULUS_BITS. */
function bigIntPower(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n % modulus;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % modulus;
    if (bit === '1') result = (result * base) % modulus;
  }
  return result;
}

function smallPower(base: bigint, exponent: bigint, modulus: bigint): bigint {
  if (exponent === 0n) return 1n % modulus;
  const size = byteLength(modulus);
  const e = toBytes(exponent, byteLength(exponent));
  return toBigInt(rawOperation(toBytes(base, size), e, toBytes(modulus, size)));
}

/** base^exponent with digits of `width` bits: result = result^(2^width) * base^digit. */
function hornerPower(base: bigint, exponent: bigint, modulus: bigint, width: number): bigint {
  const mask = (1n << BigInt(width)) - 1n;
  const step = 1n << BigInt(width);
  const digits = Math.ceil(bitLength(exponent) / width);
  let result = 1n;
  for (let i = digits - 1; i >= 0; i--) {
    if (result !== 1n) result = smallPower(result, step, modulus);
    const digit = (exponent >> BigInt(i * width)) & mask;
    result = (result * smallPower(base, digit, modulus)) % modulus;
  }
  return result;
}

/** base^exponent mod modulus for an odd modulus and base < modulus. */
function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  if (modulus === 1n) return 0n;
  if (exponent === 0n) return 1n;
  const bits = bitLength(modulus);
  const large = bits > SMALL_MODULUS_BITS;
  const limit = large ? LARGE_MODULUS_EXPONENT_BITS : bits;
  if (exponent < modulus && bitLength(exponent) <= limit) {
    return smallPower(base, exponent, modulus);
  }
  if (bits < BIGINT_MODULUS_BITS) return bigIntPower(base, exponent, modulus);
  return hornerPower(base, exponent, modulus, (large ? LARGE_MODULUS_EXPONENT_BITS : bits) - 1);
}

/** Whether a number is even; no bytes are zero. */
export function isEven(number: Uint8Array): boolean {
  return number.length === 0 || (number[number.length - 1] & 1) === 0;
}

/**
 * Whether number < p * q; all are significant bytes. Compares lengths and leading bytes before it multiplies: with the
 * lengths of a product, p * q is at least the product of the leading halfwords there.
 */
export function belowProduct(number: Uint8Array, p: Uint8Array, q: Uint8Array): boolean {
  const length = p.length + q.length;
  if (number.length < length - 1) return true;
  if (number.length > length) return false;
  if (number.length === length && p.length >= 2 && q.length >= 2) {
    if (u32(number, 0) < u16(p, 0) * u16(q, 0)) return true;
  }
  return toBigInt(number) < toBigInt(p) * toBigInt(q);
}

/**
 * MEX: base^exponent mod modulus. The modulus is odd, base < modulus (the card refuses other operands before).
 * @returns `size` bytes, left zero filled.
 */
export function modularExponentiation(
  base: Uint8Array,
  exponent: Uint8Array,
  modulus: Uint8Array,
  size: number,
): Uint8Array {
  const m = significant(modulus);
  const e = significant(exponent);
  // The ordinary public operation, without a detour over BigInt.
  if (m.length >= 2 && e.length > 0 && e.length < m.length && e.length <= 8) {
    const b = significant(base);
    const padded = new Uint8Array(m.length);
    padded.set(b, m.length - b.length);
    const raw = rawOperation(padded, e, m);
    if (raw.length === size) return raw;
    const result = new Uint8Array(size);
    result.set(raw, size - raw.length);
    return result;
  }
  return toBytes(power(toBigInt(base), toBigInt(e), toBigInt(m)), size);
}

/** The CRT formula of messages.md 5.1, for any odd p and q. */
function crtFormula(base: bigint, key: CrtKey): bigint {
  const p = toBigInt(key.p);
  const q = toBigInt(key.q);
  const m1 = power(base % p, toBigInt(key.dp), p);
  const m2 = power(base % q, toBigInt(key.dq), q);
  const h = (toBigInt(key.u) * (m1 - m2)) % p;
  return m2 + q * (h < 0n ? h + p : h);
}

/**
 * CRT: m1 = c^dp mod p, m2 = c^dq mod q, m2 + q * ((u * (m1 - m2)) mod p). p and q are odd, c < p*q.
 * @returns `size` bytes, left zero filled; `size` holds p*q.
 */
export function crtExponentiation(base: Uint8Array, key: CrtKey, size: number): Uint8Array {
  const fast = privateOperation(base, key, size);
  return fast ?? toBytes(crtFormula(toBigInt(base), key), size);
}
