// SPDX-License-Identifier: Apache-2.0
// RSA with clear keys on a CCA coprocessor: PK (modulus-exponent) and PD (CRT).
// Source: docs/reference/messages.md 2.7, 3.3 (codes), 5.1 (checks).

import { compareNumbers, significant, u16 } from '../messages/bytes.ts';
import {
  type CrtKey,
  type ParameterBlock,
  RSA_PRIVATE,
  RSA_PUBLIC,
  TOKEN_HEADER,
} from '../messages/cca.ts';
import { ENTRY_HEAD } from '../messages/ecc.ts';
import { CCA, type CcaCode } from '../messages/reply-codes.ts';
import { belowProduct, crtExponentiation, isEven, modularExponentiation } from '../rsa.ts';
import type { CcaAnswer, CcaCall } from './reply.ts';

/** Operand limits of a CCA coprocessor in bytes. Source: messages.md 1.1, 5.1. */
const LEAST = 16;
const MOST = 512;

interface MexKey {
  readonly exponent: Uint8Array;
  readonly modulus: Uint8Array;
}

/** Sections of the first PKA token in a key block; undefined if the token is malformed. */
function tokenSections(keys: Uint8Array): Uint8Array | undefined {
  const entry = u16(keys, 0);
  const length = u16(keys, ENTRY_HEAD + TOKEN_HEADER.at.length);
  const good =
    keys.length >= ENTRY_HEAD + TOKEN_HEADER.size &&
    entry === keys.length &&
    keys[ENTRY_HEAD + TOKEN_HEADER.at.id] === 0x1e &&
    length === keys.length - ENTRY_HEAD;
  return good ? keys.subarray(ENTRY_HEAD + TOKEN_HEADER.size) : undefined;
}

function readMexKey(keys: Uint8Array): MexKey | undefined {
  const s = tokenSections(keys);
  if (s === undefined || s.length < RSA_PUBLIC.size || s[0] !== 0x04) return undefined;
  const e = u16(s, RSA_PUBLIC.at.exponentLength);
  const n = u16(s, RSA_PUBLIC.at.modulusLength);
  const end = RSA_PUBLIC.size + e + n;
  if (e === 0 || n === 0 || end > s.length || u16(s, RSA_PUBLIC.at.length) !== end) {
    return undefined;
  }
  return {
    exponent: s.subarray(RSA_PUBLIC.size, RSA_PUBLIC.size + e),
    modulus: s.subarray(RSA_PUBLIC.size + e, end),
  };
}

interface ReadCrtKey {
  readonly key: CrtKey;
  /** Length of the modulus in bytes. */
  readonly size: number;
}

function readCrtKey(keys: Uint8Array): ReadCrtKey | undefined {
  const s = tokenSections(keys);
  const at = RSA_PRIVATE.at;
  if (s === undefined || s.length < RSA_PRIVATE.size || s[0] !== 0x08) return undefined;
  const clear = s[at.keyFormat] === 0x40;
  const lengths = [at.pLength, at.qLength, at.dpLength, at.dqLength, at.uLength].map((o) =>
    u16(s, o),
  );
  let next: number = RSA_PRIVATE.size;
  const parts = lengths.map((length) => {
    const part = s.subarray(next, next + length);
    next += length;
    return significant(part);
  });
  const size = u16(s, at.modulusLength);
  const end = next + u16(s, at.padLength) + size;
  if (!clear || end > s.length || u16(s, at.length) !== end) return undefined;
  const [p, q, dp, dq, u] = parts as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  return { key: { p, q, dp, dq, u }, size };
}

/** The rule of both functions: exactly one keyword, raw arithmetic. An unknown one is 12/769 so that the queue stays online. */
function checkRule(block: ParameterBlock, rule: string): CcaCode {
  return block.rules.length === 1 && block.rules[0] === rule ? CCA.ok : CCA.unknownFunction;
}

function sizeAllowed(data: number, modulus: number): boolean {
  return data === modulus && modulus >= LEAST && modulus <= MOST;
}

/** `PK`: computes data^exponent mod modulus. */
export function publicKeyOperation({ block }: CcaCall): CcaAnswer {
  const rule = checkRule(block, 'MRP     ');
  if (rule !== CCA.ok) return { code: rule };
  const key = readMexKey(block.keys);
  if (key === undefined || isEven(key.modulus)) return { code: CCA.rsaKey };
  const { exponent, modulus } = key;
  if (!sizeAllowed(block.vud.length, modulus.length)) return { code: CCA.rsaKey };
  if (compareNumbers(block.vud, modulus) >= 0) return { code: CCA.tooLarge };
  return {
    code: CCA.ok,
    vud: modularExponentiation(block.vud, exponent, modulus, modulus.length),
  };
}

/** `PD`: the CRT operation; the modulus is p*q, what the token holds in its place is ignored. */
export function privateKeyOperation({ block }: CcaCall): CcaAnswer {
  const rule = checkRule(block, 'ZERO-PAD');
  if (rule !== CCA.ok) return { code: rule };
  const read = readCrtKey(block.keys);
  if (read === undefined) return { code: CCA.rsaKey };
  const { p, q } = read.key;
  if (isEven(p) || isEven(q) || !sizeAllowed(block.vud.length, read.size)) {
    return { code: CCA.rsaKey };
  }
  if (!productFits(p, q, read.size)) return { code: CCA.rsaKey };
  if (!belowProduct(significant(block.vud), p, q)) return { code: CCA.tooLarge };
  return { code: CCA.ok, vud: crtExponentiation(block.vud, read.key, read.size) };
}

/** Whether p * q < 256^size; p and q are significant bytes. */
function productFits(p: Uint8Array, q: Uint8Array, size: number): boolean {
  if (p.length + q.length <= size) return true;
  if (p.length + q.length > size + 1) return false;
  const least = new Uint8Array(size + 1);
  least[0] = 1;
  // p * q <= 256^size; equality cannot be: both are odd.
  return !belowProduct(least, p, q);
}
