// SPDX-License-Identifier: Apache-2.0
// The bare loop of the RSA question: private operations of this Node's OpenSSL on imported keys, nothing around them.
import { constants, createPrivateKey, type KeyObject, privateDecrypt } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { WORKLOAD_EXPONENT, WORKLOAD_KEYS } from '../../src/cex/messages/workload-keys.ts';

export interface RsaTask {
  readonly warmupMs: number;
  readonly durationMs: number;
}

/** What a loop did. */
export interface RsaLoop {
  readonly operations: number;
  readonly ms: number;
  /** CPU time of the whole process meanwhile, microseconds. */
  readonly cpuUs: number;
}

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

/** The keys the workload sends, imported. */
const importKeys = (): KeyObject[] =>
  WORKLOAD_KEYS.map((parts) => {
    const [p, q] = [toBigInt(parts.p), toBigInt(parts.q)];
    const e = BigInt(WORKLOAD_EXPONENT);
    const d = inverse(e, (p - 1n) * (q - 1n));
    const [dp, dq, qi] = [d % (p - 1n), d % (q - 1n), inverse(q % p, p)];
    const numbers = { n: p * q, e, d, p, q, dp, dq, qi };
    const jwk = Object.entries(numbers).map(([name, value]) => [name, base64(value)]);
    return createPrivateKey({ key: { kty: 'RSA', ...Object.fromEntries(jwk) }, format: 'jwk' });
  });

const loop = (keys: readonly KeyObject[], durationMs: number): RsaLoop => {
  const padding = constants.RSA_NO_PADDING;
  const input = Buffer.alloc(256, 0x5a);
  input[0] = 0;
  const start = performance.now();
  const cpu = process.cpuUsage();
  let operations = 0;
  while (performance.now() - start < durationMs) {
    for (const key of keys) privateDecrypt({ key, padding }, input);
    operations += keys.length;
  }
  const { user, system } = process.cpuUsage(cpu);
  return { operations, ms: performance.now() - start, cpuUs: user + system };
};

const { warmupMs, durationMs } = workerData as RsaTask;
const keys = importKeys();
loop(keys, warmupMs);
parentPort?.postMessage(loop(keys, durationMs));
