// SPDX-License-Identifier: Apache-2.0
// The workload's keys in the form in which Node imports them.
import type { JsonWebKey } from 'node:crypto';
import type { CrtKey } from '../../src/cex/messages/cca.ts';
import { WORKLOAD_EXPONENT } from '../../src/cex/messages/workload-keys.ts';

const toBigInt = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);

const base64 = (value: bigint): string => {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url');
};

/** Inverse of a modulo m (extended Euclid). */
const inverse = (a: bigint, m: bigint): bigint => {
  let [r0, r1, s0, s1] = [m, a, 0n, 1n];
  while (r1 !== 0n) {
    const q = r0 / r1;
    [r0, r1, s0, s1] = [r1, r0 - q * r1, s1, s0 - q * s1];
  }
  return ((s0 % m) + m) % m;
};

/** A whole private key: parts that a CRT message does not carry are computed. */
export const privateJwk = (parts: CrtKey): JsonWebKey => {
  const [p, q] = [toBigInt(parts.p), toBigInt(parts.q)];
  const e = BigInt(WORKLOAD_EXPONENT);
  const d = inverse(e, (p - 1n) * (q - 1n));
  const [dp, dq, qi] = [d % (p - 1n), d % (q - 1n), inverse(q % p, p)];
  const numbers = { n: p * q, e, d, p, q, dp, dq, qi };
  const fields = Object.entries(numbers).map(([name, value]) => [name, base64(value)]);
  return { kty: 'RSA', ...Object.fromEntries(fields) };
};
