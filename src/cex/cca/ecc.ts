// SPDX-License-Identifier: Apache-2.0
// ECC with clear keys, as libica asks for it: PG (key pair), DH (key agreement), SG and SV (ECDSA).
// Source: docs/reference/messages.md 4.4, 3.3 (codes).
import { agree, type Curve, curveOf, generatePair, isPrivate, sign, verify } from '../ec.ts';
import { putU16, u16 } from '../messages/bytes.ts';
import type { ParameterBlock } from '../messages/cca.ts';
import { AGREE_VUD, counted, type EccKey, privateKeyEntry, readKeyEntry } from '../messages/ecc.ts';
import { CCA, type CcaCode } from '../messages/reply-codes.ts';
import type { CcaAnswer, CcaCall } from './reply.ts';
import { isCode } from './tokens.ts';

const HASH_LENGTHS: readonly number[] = [20, 28, 32, 48, 64];

interface ReadKey {
  readonly curve: Curve;
  readonly key: EccKey;
}

/** The key of a request with this rule, its numbers of the curve's size, or a code. */
function readKey(block: ParameterBlock, rule: string): ReadKey | CcaCode {
  if (block.rules.length !== 1) return CCA.ruleCount;
  if (block.rules[0] !== rule) return CCA.keyword;
  const key = readKeyEntry(block.keys);
  const curve = key === undefined ? undefined : curveOf(key.curveType, key.bits);
  if (key === undefined || curve === undefined) return CCA.badToken;
  const { d, point } = key;
  if (d !== undefined && (d.length !== curve.size || !isPrivate(curve, d))) return CCA.badToken;
  if (point !== undefined && point.length !== 2 * curve.size) return CCA.badToken;
  return { curve, key };
}

/** `PG`: a key pair for the curve of the skeleton. */
export function generateEccKey({ work, block }: CcaCall): CcaAnswer {
  const read = readKey(block, 'CLEAR   ');
  if (isCode(read)) return { code: read };
  const { curve, key } = read;
  const { curveType, bits } = key;
  const pair = generatePair(curve, work.context.random);
  return { code: CCA.ok, keys: privateKeyEntry({ curveType, bits, ...pair }) };
}

/** `DH`: the shared x of the first token's private key and the other side's point in the same token. */
export function agreeKey({ block }: CcaCall): CcaAnswer {
  const read = readKey(block, 'PASSTHRU');
  if (isCode(read)) return { code: read };
  const { d, point } = read.key;
  const x = d && point && agree(read.curve, d, point);
  if (x === undefined) return { code: CCA.badToken };
  const entry = new Uint8Array(4 + x.length);
  putU16(entry, 0, entry.length);
  entry.set(x, 4);
  // Twelve bytes that libica steps over: the request's tags without content.
  const vud = Buffer.concat([AGREE_VUD.subarray(0, 4), AGREE_VUD.subarray(10)]);
  return { code: CCA.ok, vud, keys: entry };
}

/** The fields of a VUD, each with a length that counts itself; undefined if they do not fill it. */
function fields(vud: Uint8Array): Uint8Array[] | undefined {
  const list: Uint8Array[] = [];
  for (let at = 0; at < vud.length; ) {
    const length = u16(vud, at);
    if (length < 2 || at + length > vud.length) return undefined;
    list.push(vud.subarray(at + 2, at + length));
    at += length;
  }
  return list;
}

/** `SG`: makes the signature of a hash. */
export function signHash({ work, block }: CcaCall): CcaAnswer {
  const read = readKey(block, 'ECDSA   ');
  if (isCode(read)) return { code: read };
  const [hash, ...more] = fields(block.vud) ?? [];
  if (hash === undefined || more.length > 0) return { code: CCA.vudLength };
  if (!HASH_LENGTHS.includes(hash.length)) return { code: CCA.textLength };
  const { d } = read.key;
  if (d === undefined) return { code: CCA.badToken };
  const signature = sign(read.curve, d, hash, work.context.random);
  const bits = new Uint8Array(2);
  putU16(bits, 0, 8 * signature.length);
  return { code: CCA.ok, vud: Buffer.concat([counted(bits), counted(signature)]) };
}

/** `SV`: whether a signature of a hash is right; 4/429 if it is not. */
export function verifyHash({ block }: CcaCall): CcaAnswer {
  const read = readKey(block, 'ECDSA   ');
  if (isCode(read)) return { code: read };
  const [hash, signature, ...more] = fields(block.vud) ?? [];
  if (hash === undefined || signature === undefined || more.length > 0) {
    return { code: CCA.vudLength };
  }
  if (!HASH_LENGTHS.includes(hash.length)) return { code: CCA.textLength };
  const { curve, key } = read;
  if (key.point === undefined) return { code: CCA.badToken };
  if (signature.length !== 2 * curve.size) return { code: CCA.notVerified };
  const right = verify(curve, key.point, hash, signature);
  if (right === undefined) return { code: CCA.badToken };
  return { code: right ? CCA.ok : CCA.notVerified };
}
