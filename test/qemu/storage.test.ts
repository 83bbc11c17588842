// SPDX-License-Identifier: Apache-2.0
// Operands that cross pages, whole or not at all.

import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { QemuStorage } from '../../src/qemu/storage.ts';
import { context, setAsce, testRam, writeDoubleword } from './support/memory.ts';

const ram = testRam();
afterAll(() => ram.close());
const SEGMENT = 0x14000;
const PAGES = 0x18000;

describe('guest storage', () => {
  const storage = new QemuStorage(ram);
  const pattern = Uint8Array.from({ length: 0x3000 }, (_, i) => (i * 7) & 0xff);

  beforeEach(() => {
    const cpu = context({ dat: true });
    setAsce(cpu, 1, BigInt(SEGMENT));
    storage.contexts[0] = cpu;
    writeDoubleword(ram, SEGMENT, BigInt(PAGES));
    // neighbours in virtual storage: two frames that touch, one far away, then nothing
    [0x60000n, 0x61000n, 0x40000n, 0x400n].forEach((entry, i) => {
      writeDoubleword(ram, PAGES + 8 * i, entry);
    });
    ram.write(0x40000, new Uint8Array(0x1000));
    ram.write(0x60000, new Uint8Array(0x2000));
  });

  it('stores and fetches an operand over three pages in two places', () => {
    expect(storage.store(0, 0, 0x800, 0x2000, pattern)).toBe(0);
    const there = new Uint8Array(0x2000);
    ram.read(0x60800, there, 0, 0x1800);
    ram.read(0x40000, there, 0x1800, 0x800);
    expect(Buffer.compare(there, pattern.subarray(0, 0x2000))).toBe(0);
    const back = new Uint8Array(0x2000);
    expect(storage.fetch(0, 0, 0x800, 0x2000, back)).toBe(0);
    expect(Buffer.compare(back, there)).toBe(0);
  });

  it('stores nothing when the last page is missing', () => {
    expect(storage.store(0, 0, 0x2fff, 2, pattern)).toBe(0x11);
    expect(ram.readWord(0x40ffc)).toBe(0);
    expect(storage.teid[1] & 0xfffff000).toBe(0x3000);
  });

  it('takes the last byte before a missing page', () => {
    expect(storage.store(0, 0, 0x2fff, 1, Uint8Array.of(9))).toBe(0);
    expect(ram.readWord(0x40ffc)).toBe(9);
  });

  it('reads addresses given as signed halves', () => {
    storage.contexts[0] = context();
    expect(storage.fetch(0, -1, -8, 4, new Uint8Array(4))).toBe(5);
  });

  it('wraps from the end of the address space to its beginning', () => {
    storage.contexts[0] = context();
    expect(storage.fetch(0, 0xffffffff, 0xffffffff, 2, new Uint8Array(2))).toBe(5);
  });

  it('stores a notification byte at an absolute address, and nothing outside', () => {
    expect(storage.storeAbsolute(0x70001, 1)).toBe(true);
    expect(ram.readWord(0x70000)).toBe(0x00010000);
    expect(storage.storeAbsolute(ram.size, 1)).toBe(false);
    expect(storage.storeAbsolute(-1, 1)).toBe(false);
  });
});
