// SPDX-License-Identifier: Apache-2.0
// Builders that keep vectors short: instructions and operator actions as plain operations.
// Source: ap-architecture.md 1.1 to 1.9.

import type { Operation } from './operations.ts';
import type { FunctionName } from './under-test.ts';

export type InstructionOperation = Extract<Operation, { op: 'instruction' }>;

/** What a builder may be told besides its operands. */
export interface Where {
  readonly guest?: number;
  readonly word?: number;
  readonly problem?: boolean;
  readonly addressingMode?: 24 | 31 | 64;
  readonly gr?: { readonly [n: number]: bigint };
}

export const FC = {
  tapq: 0,
  rapq: 1,
  zapq: 2,
  aqic: 3,
  qci: 4,
  qact: 5,
  qbap: 6,
  bapq: 7,
  aapq: 8,
};

export const T = 0x00800000n;
export const F = 0x00400000n;
export const SPECIAL = 0x00400000n;
export const LAST = 0x40000000n;
export const FIRST = 0x80000000n;

export const PQAP_WORD = 0xb2af0000;
export const NQAP_WORD = 0xb2ad0046;
export const DQAP_WORD = 0xb2ae0046;

export const us = (n: number) => n * 1000;
export const ms = (n: number) => n * 1_000_000;

/** An instruction word with registers. */
export function instruction(
  word: number,
  gr: { [n: number]: bigint },
  where: Where = {},
): InstructionOperation {
  const all = { ...gr, ...where.gr };
  return {
    op: 'instruction',
    guest: where.guest ?? 1,
    vcpu: 0,
    word: where.word ?? word,
    problem: where.problem ?? false,
    addressingMode: where.addressingMode ?? 64,
    gr: Object.entries(all).map(([n, value]) => [Number(n), value] as const),
  };
}

/** PQAP with a function, an APQN, and more bits of GR0. */
export function pqap(
  name: keyof typeof FC,
  apqn: number,
  where: Where & { bits?: bigint } = {},
): InstructionOperation {
  const gr0 = BigInt(FC[name]) * 0x1000000n + BigInt(apqn) + (where.bits ?? 0n);
  return instruction(PQAP_WORD, { 0: gr0, 1: JUNK_1, 2: name === 'qci' ? 0x3000n : JUNK_2 }, where);
}

/** What GR1 and GR2 hold where the instruction does not read them. */
export const JUNK_1 = 0x1111111122222222n;
export const JUNK_2 = 0x3333333344444444n;
export const PSMID_HIGH = 0x11223344n;
export const PSMID_LOW = 0x55667788n;
export const MESSAGE_AT = 0x4000;
export const BUFFER_AT = 0x6000;

/** NQAP R1=4, R2=6: the message at 0x4000. */
export function nqap(
  apqn: number,
  length: number,
  where: Where & { bits?: bigint; psmid?: bigint; at?: bigint } = {},
): InstructionOperation {
  const gr = {
    0: (where.bits ?? LAST) + BigInt(apqn),
    1: JUNK_1,
    2: JUNK_2,
    4: 0xaaaaaaaa00000000n + PSMID_HIGH,
    5: 0xbbbbbbbb00000000n + (where.psmid ?? PSMID_LOW),
    6: where.at ?? BigInt(MESSAGE_AT),
    7: BigInt(length),
  };
  return instruction(NQAP_WORD, gr, where);
}

/** DQAP R1=4, R2=6: the buffer at 0x6000. */
export function dqap(
  apqn: number,
  length: number,
  where: Where & { bits?: bigint; at?: bigint } = {},
): InstructionOperation {
  const gr = {
    0: (where.bits ?? FIRST) + BigInt(apqn),
    1: JUNK_1,
    2: 0n,
    4: 0xccccccccccccccccn,
    5: 0xddddddddddddddddn,
    6: where.at ?? BigInt(BUFFER_AT),
    7: BigInt(length),
  };
  return instruction(DQAP_WORD, gr, where);
}

/** Executes again with the registers as they are, or with some of them loaded. */
export function again(
  word: number,
  gr: { [n: number]: bigint } = {},
  where: Where = {},
): InstructionOperation {
  return instruction(word, gr, where);
}

/** AQIC of the host partition. */
export function aqic(
  apqn: number,
  control: bigint,
  nib: bigint,
  where: Where = {},
): InstructionOperation {
  const gr = { 0: 0x03000000n + BigInt(apqn), 1: control, 2: nib };
  return instruction(PQAP_WORD, gr, { guest: 0, ...where });
}

/** The instruction of a name, with operands that are right. */
export function anyFunction(
  name: FunctionName,
  apqn: number,
  where: Where = {},
): InstructionOperation {
  if (name === 'nqap') return nqap(apqn, 64, where);
  if (name === 'dqap') return dqap(apqn, 64, where);
  if (name === 'aqic') return aqic(apqn, 0x0000800000000006n, 0x2000n, where);
  return pqap(name, apqn, where);
}

export function advance(ns: number): Operation {
  return { op: 'advance', ns };
}

/** Bytes from a list of offsets and hexadecimal strings. */
export function bytesOf(length: number, parts: { readonly [offset: number]: string }): Uint8Array {
  const bytes = new Uint8Array(length);
  for (const [offset, hex] of Object.entries(parts))
    bytes.set(Buffer.from(hex, 'hex'), Number(offset));
  return bytes;
}

export function write(guest: number, address: number, bytes: Uint8Array): Operation {
  return { op: 'write', guest, address, bytes };
}

/** `length` different bytes. */
export function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, k) => (k * 7 + 1) & 0xff);
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
