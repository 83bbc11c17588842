// SPDX-License-Identifier: Apache-2.0
// Elliptic curves of a CCA coprocessor: key pairs, ECDH, ECDSA over a ready hash.
// Source: docs/reference/messages.md 4.4 (curves); SEC 1 4.1 (ECDSA).
//
// CD-16 Node signs messages, not hashes, so ECDSA is put together here: every multiplication of a point is OpenSSL's (by an ECDH
// object), BigInt does what surrounds it. Verification needs the x of u1*G + u2*Q; OpenSSL gives x of k*P for any k and P and
// the whole of k*G, so it is taken as u2 * (Q + (u1/u2)*G). A curve's prime and order are read from OpenSSL, too.
import { createECDH, generateKeyPairSync } from 'node:crypto';
import { toBigInt, toBytes } from './big-endian.ts';
import { sameBytes } from './messages/bytes.ts';

/** A curve in the terms of messages. */
export interface CurveRow {
  /** Its name in OpenSSL. */
  readonly name: string;
  /** 0 = prime, 1 = brainpool. */
  readonly type: 0 | 1;
  readonly bits: number;
}

/** Every curve of messages.md 4.4. */
export const CURVES: readonly CurveRow[] = [
  { name: 'prime192v1', type: 0, bits: 192 },
  { name: 'secp224r1', type: 0, bits: 224 },
  { name: 'prime256v1', type: 0, bits: 256 },
  { name: 'secp384r1', type: 0, bits: 384 },
  { name: 'secp521r1', type: 0, bits: 521 },
  { name: 'brainpoolP160r1', type: 1, bits: 160 },
  { name: 'brainpoolP192r1', type: 1, bits: 192 },
  { name: 'brainpoolP224r1', type: 1, bits: 224 },
  { name: 'brainpoolP256r1', type: 1, bits: 256 },
  { name: 'brainpoolP320r1', type: 1, bits: 320 },
  { name: 'brainpoolP384r1', type: 1, bits: 384 },
  { name: 'brainpoolP512r1', type: 1, bits: 512 },
];

/** Length in bytes of the numbers of a curve. */
export const curveBytes = (bits: number): number => (bits + 7) >> 3;

/** A curve with the numbers that define it. */
export interface Curve extends CurveRow {
  readonly size: number;
  readonly prime: bigint;
  readonly order: bigint;
}

const SEQUENCE = 0x30;
const INTEGER = 0x02;

/** All integers of a DER structure, in order. */
function integers(der: Buffer): bigint[] {
  const found: bigint[] = [];
  for (let at = 0; at < der.length; ) {
    const form = der[at + 1];
    const long = form >= 0x80 ? form & 0x7f : 0;
    const start = at + 2 + long;
    const end = start + (long === 0 ? form : der.readUIntBE(at + 2, long));
    const content = der.subarray(start, end);
    if (der[at] === SEQUENCE) found.push(...integers(content));
    if (der[at] === INTEGER) found.push(toBigInt(content));
    at = end;
  }
  return found;
}

const known = new Map<string, Curve>();

/** The curve with this type and size; undefined if there is none. */
export function curveOf(type: number, bits: number): Curve | undefined {
  const row = CURVES.find((c) => c.type === type && c.bits === bits);
  if (row === undefined) return undefined;
  let curve = known.get(row.name);
  if (curve === undefined) {
    const { publicKey } = generateKeyPairSync('ec', {
      namedCurve: row.name,
      paramEncoding: 'explicit',
      publicKeyEncoding: { type: 'spki', format: 'der' },
      privateKeyEncoding: { type: 'pkcs8', format: 'der' },
    });
    // These are version, prime, order, cofactor.
    const [, prime, order] = integers(publicKey) as [bigint, bigint, bigint, bigint];
    curve = { ...row, size: curveBytes(row.bits), prime, order };
    known.set(row.name, curve);
  }
  return curve;
}

/** a^-1 modulo m, both positive and without a common factor. */
function inverse(a: bigint, m: bigint): bigint {
  let [r, s, x, y] = [m, a % m, 0n, 1n];
  while (s > 0n) [r, s, x, y] = [s, r % s, y, x - (r / s) * y];
  return ((x % m) + m) % m;
}

function scalar(curve: Curve, value: bigint): ReturnType<typeof createECDH> {
  const ecdh = createECDH(curve.name);
  ecdh.setPrivateKey(toBytes(value, curve.size));
  return ecdh;
}

/** value * G as X and Y, `size` bytes each; 0 < value < order. */
function multiple(curve: Curve, value: bigint): Uint8Array {
  return scalar(curve, value).getPublicKey().subarray(1);
}

/** x of value * point; undefined if the point is not on the curve. */
function sharedX(curve: Curve, value: bigint, point: Uint8Array): Uint8Array | undefined {
  try {
    return scalar(curve, value).computeSecret(Buffer.concat([UNCOMPRESSED, point]));
  } catch {
    // OpenSSL's error about a point that is not on the curve is not an error here, but an answer of the card.
    return undefined;
  }
}

const UNCOMPRESSED = Uint8Array.of(0x04);

/** Whether bytes are a private key: 0 < d < order. */
export function isPrivate(curve: Curve, d: Uint8Array): boolean {
  const value = toBigInt(d);
  return value > 0n && value < curve.order;
}

/** A random number from 1 to order - 1. */
function draw(curve: Curve, random: (target: Uint8Array) => void): bigint {
  // 8 bytes more than the order has: no number is noticeably preferred.
  const bytes = new Uint8Array(curve.size + 8);
  random(bytes);
  return (toBigInt(bytes) % (curve.order - 1n)) + 1n;
}

/** A key pair: D, and X and Y one after the other. */
export function generatePair(
  curve: Curve,
  random: (target: Uint8Array) => void,
): { readonly d: Uint8Array; readonly point: Uint8Array } {
  const value = draw(curve, random);
  return { d: toBytes(value, curve.size), point: multiple(curve, value) };
}

/** ECDH: x of d * point; undefined if the point is not on the curve. */
export function agree(curve: Curve, d: Uint8Array, point: Uint8Array): Uint8Array | undefined {
  return sharedX(curve, toBigInt(d), point);
}

/** The hash as a number: its leftmost bits, as many as the order has. */
function hashNumber(curve: Curve, hash: Uint8Array): bigint {
  const excess = 8 * hash.length - curve.order.toString(2).length;
  return excess > 0 ? toBigInt(hash) >> BigInt(excess) : toBigInt(hash);
}

/** ECDSA: r and s, `size` bytes each. */
export function sign(
  curve: Curve,
  d: Uint8Array,
  hash: Uint8Array,
  random: (target: Uint8Array) => void,
): Uint8Array {
  const { order, size } = curve;
  for (;;) {
    const k = draw(curve, random);
    const r = toBigInt(multiple(curve, k).subarray(0, size)) % order;
    const s = (inverse(k, order) * (hashNumber(curve, hash) + r * toBigInt(d))) % order;
    if (r !== 0n && s !== 0n) return Buffer.concat([toBytes(r, size), toBytes(s, size)]);
  }
}

/** The sum of two points that have different x. */
function add(curve: Curve, a: Uint8Array, b: Uint8Array): Uint8Array {
  const { prime, size } = curve;
  const [ax, ay] = [toBigInt(a.subarray(0, size)), toBigInt(a.subarray(size))];
  const [bx, by] = [toBigInt(b.subarray(0, size)), toBigInt(b.subarray(size))];
  const slope = (by - ay) * inverse((bx - ax + prime) % prime, prime);
  const x = modulo(slope * slope - ax - bx, prime);
  return Buffer.concat([toBytes(x, size), toBytes(modulo(slope * (ax - x) - ay, prime), size)]);
}

const modulo = (value: bigint, m: bigint): bigint => ((value % m) + m) % m;

/** x of u1 * G + u2 * Q; undefined for the point at infinity. 0 <= u1 < order, 0 < u2 < order. */
function combinedX(curve: Curve, u1: bigint, u2: bigint, q: Uint8Array): Uint8Array | undefined {
  const { order, size } = curve;
  if (u1 === 0n) return sharedX(curve, u2, q);
  const t = multiple(curve, (u1 * inverse(u2, order)) % order);
  if (!sameBytes(t.subarray(0, size), q.subarray(0, size))) {
    return sharedX(curve, u2, add(curve, q, t));
  }
  // Q + T is either 2Q or the point at infinity.
  return sameBytes(t, q) ? sharedX(curve, (2n * u2) % order, q) : undefined;
}

/** ECDSA: whether r and s are a signature of the hash. Undefined if the point is not on the curve. */
export function verify(
  curve: Curve,
  point: Uint8Array,
  hash: Uint8Array,
  signature: Uint8Array,
): boolean | undefined {
  const { order, size } = curve;
  if (sharedX(curve, 1n, point) === undefined) return undefined;
  const r = toBigInt(signature.subarray(0, size));
  const s = toBigInt(signature.subarray(size));
  if (r === 0n || r >= order || s === 0n || s >= order) return false;
  const w = inverse(s, order);
  const x = combinedX(curve, (hashNumber(curve, hash) * w) % order, (r * w) % order, point);
  return x !== undefined && toBigInt(x) % order === r;
}
