// SPDX-License-Identifier: Apache-2.0
// Interesting operand values for generated instructions.
// Source: ap-architecture.md 1.3 to 1.9, 3.5, AD-05 to AD-10.

import { STORAGE_BYTES } from './presets.ts';
import type { Random } from './random.ts';

/** Chance in percent of a deliberately wrong operand. */
const WRONG = 3;

/** A message length: small ones mostly, and the edges of 4.5. */
export function randomLength(random: Random): bigint {
  if (random.chance(80)) return BigInt(random.pick([1, 8, 64, 100, 300, 308, 320]));
  return random.pick([
    0n,
    4096n,
    4097n,
    12288n,
    12289n,
    61440n,
    61441n,
    1n << 32n,
    (1n << 63n) + 64n,
  ]);
}

/** An address for `length` bytes: inside storage mostly, else ending at or beyond its end. */
export function randomAddress(random: Random, length: bigint): bigint {
  const size = BigInt(STORAGE_BYTES);
  if (random.chance(85)) return BigInt(0x2000 + 8 * random.below(0x600));
  if (random.chance(50)) return size - length;
  return random.pick([
    size - length + 1n,
    size,
    size - 1n,
    0n,
    (1n << 64n) - 8n,
    1n << 40n,
    1n << 31n,
  ]);
}

/** Bits above the mode in 24- and 31-bit mode. */
export function withJunk(random: Random, value: bigint, mode: 24 | 31 | 64): bigint {
  if (mode === 64) return value;
  return (value & ((1n << 32n) - 1n)) | (BigInt(random.word()) << 32n);
}

/** GR0 of PQAP: function code, APQN, rarely T, F and reserved bits. */
export function pqapGr0(random: Random, fc: number, apqn: number): bigint {
  let low = fc * 0x1000000 + apqn;
  const t = fc === 0 ? 60 : 4;
  if (random.chance(t)) low += 0x00800000;
  const f = [1, 2, 5].includes(fc) ? 20 : WRONG;
  if (random.chance(f)) low += 0x00400000;
  if (random.chance(WRONG)) low += 0x10000 * (1 << random.below(6));
  return BigInt(low) | highJunk(random);
}

export function nqapGr0(random: Random, apqn: number): bigint {
  let low = apqn;
  if (random.chance(85)) low += 0x40000000;
  if (random.chance(10)) low += 0x00400000;
  if (random.chance(WRONG)) low += random.pick([0x80000000, 0x20000000, 0x10000000, 0x00800000]);
  if (random.chance(WRONG)) low += random.pick([0x0f000000, 0x003f0000, 0x00010000]);
  return BigInt(low) | highJunk(random);
}

export function dqapGr0(random: Random, apqn: number): bigint {
  let low = apqn;
  const first = random.chance(85);
  if (first) low += 0x80000000;
  else low += random.pick([0, 0x01000000, 0x01010000, 0x01050000, 0x02000000, 0x0f000000]);
  if (random.chance(WRONG)) {
    low += random.pick([0x40000000, 0x20000000, 0x10000000, 0x00800000, 0x00400000]);
  }
  return BigInt(low) | highJunk(random);
}

/** AD-04: bits 0-31 of GR0 do not matter. */
function highJunk(random: Random): bigint {
  return random.chance(10) ? BigInt(random.word()) << 32n : 0n;
}

/** GR1 of AQIC: IR, GISC, GF, GISA origin, ISC, and reserved bits. */
export function aqicControl(random: Random): bigint {
  let control = BigInt(random.below(8));
  if (random.chance(75)) control |= 1n << 47n;
  const gisa = random.chance(40)
    ? random.pick([0x1000, 0x1010, STORAGE_BYTES - 16, STORAGE_BYTES])
    : 0;
  control |= BigInt(gisa);
  if (gisa !== 0 || random.chance(8)) control |= BigInt(random.below(8)) << 40n;
  if (random.chance(12)) control |= BigInt(1 + random.below(3)) << 32n;
  if (random.chance(5)) control |= random.pick([1n << 63n, 1n << 3n, 1n << 31n, 1n << 36n]);
  return control;
}

export function nibAddress(random: Random): bigint {
  if (random.chance(85)) return BigInt(0x1800 + random.below(4));
  return random.pick([0n, (1n << 64n) - 1n, BigInt(STORAGE_BYTES), BigInt(STORAGE_BYTES - 1)]);
}

/** The beginning of a CCA request that names a domain (messages.md 2.4, 2.5). */
export function ccaRequest(domain: number): Uint8Array {
  const bytes = new Uint8Array(308);
  bytes[1] = 0x06;
  bytes.set([0x43, 0x41], 32);
  bytes.set([0x00, 0xdc, 0x02], 88);
  bytes.set([domain >> 8, domain & 0xff], 258);
  return bytes;
}
