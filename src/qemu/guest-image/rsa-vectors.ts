// SPDX-License-Identifier: Apache-2.0
// RSA requests and their results for the guest's test program, computed by Node's crypto.

import {
  constants,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  randomBytes,
} from 'node:crypto';

/** Sizes of the test program's keys in bits. */
const RSA_BITS = [1024, 2048, 4096] as const;

function hex(value: string | undefined, bytes: number): string {
  return Buffer.from(value ?? '', 'base64url')
    .toString('hex')
    .padStart(2 * bytes, '0');
}

function raw(key: KeyObject, input: Buffer): Buffer {
  return privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, input);
}

/**
 * One modulus-exponent request and one CRT request for each key size, each in a line, as RSA_TEST of guest-files.ts reads them. The
 * modulus-exponent requests use the private exponent, which takes longer.
 */
export function rsaVectors(sizes: readonly number[] = RSA_BITS): string {
  const lines: string[] = [];
  for (const bits of sizes) {
    const bytes = bits / 8;
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: bits });
    const jwk = privateKey.export({ format: 'jwk' });
    const input = randomBytes(bytes);
    // This makes the number smaller than the modulus, and not too small.
    input[0] = 0x01;
    const result = raw(privateKey, input).toString('hex');
    const both = `${input.toString('hex')} ${result}`;
    const half = bytes / 2;
    const crt = [jwk.dp, jwk.dq, jwk.p, jwk.q, jwk.qi].map((part) => hex(part, half));
    lines.push(`mex mex-${bits} ${both} ${hex(jwk.d, bytes)} ${hex(jwk.n, bytes)}`);
    lines.push(`crt crt-${bits} ${both} ${crt.join(' ')}`);
  }
  return `${lines.join('\n')}\n`;
}
