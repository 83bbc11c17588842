// SPDX-License-Identifier: Apache-2.0
// Guest RAM for tests without QEMU, and page tables in it.

import { tmpdir } from 'node:os';
import type { TranslationContext } from '../../../src/qemu/dat.ts';
import { createRam, type GuestRam } from '../../../src/qemu/ram.ts';

let count = 0;

export function testRam(bytes = 0x1000000): GuestRam {
  const ram = createRam(tmpdir(), `apemu-test-${process.pid}-${++count}`, bytes);
  ram.write(bytes - 1, Uint8Array.of(0));
  return ram;
}

export function writeDoubleword(ram: GuestRam, address: number, value: bigint): void {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  ram.write(address, bytes);
}

/** PSW mask words by what a test wants of them. */
export function psw(options: { dat?: boolean; space?: number; io?: boolean; problem?: boolean }) {
  let mask = 1;
  if (options.dat === true) mask |= 0x04000000;
  if (options.io === true) mask |= 0x02000000;
  if (options.problem === true) mask |= 0x00010000;
  mask |= (options.space ?? 0) << 14;
  return Uint32Array.of(mask, 0x80000000, 0, 0);
}

export function context(options: Parameters<typeof psw>[0] & { prefix?: number } = {}) {
  const made: TranslationContext = {
    psw: psw(options),
    cr: new Uint32Array(32),
    prefix: options.prefix ?? 0,
  };
  return made;
}

export function setAsce(cpu: TranslationContext, cr: number, asce: bigint): void {
  cpu.cr[2 * cr] = Number(asce >> 32n);
  cpu.cr[2 * cr + 1] = Number(asce & 0xffffffffn);
}
