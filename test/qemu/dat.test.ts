// SPDX-License-Identifier: Apache-2.0
// Address translation over tables in guest RAM.

import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { prefixed, Translator } from '../../src/qemu/dat.ts';
import { context, setAsce, testRam, writeDoubleword } from './support/memory.ts';

const ram = testRam();
afterAll(() => ram.close());

const REGION_THIRD = 0x10000;
const SEGMENT = 0x14000;
const PAGES = 0x18000;
/** Region-third designation, full length. */
const ASCE = BigInt(REGION_THIRD) | 0x7n;
const INVALID = 0x20n;

describe('dynamic address translation', () => {
  const translator = new Translator(ram);
  const translate = (cpu: ReturnType<typeof context>, address: bigint, store = false) =>
    translator.translate(cpu, Number(address >> 32n), Number(address & 0xffffffffn), store);

  beforeEach(() => {
    // 2 GiB region 0 by a segment table; region 1 a 2 GiB frame; others invalid
    for (let i = 0; i < 2048; i++) writeDoubleword(ram, REGION_THIRD + 8 * i, INVALID);
    writeDoubleword(ram, REGION_THIRD, BigInt(SEGMENT) | 0x7n);
    writeDoubleword(ram, REGION_THIRD + 8, 0x0n | 0x400n | 0x4n);
    for (let i = 0; i < 2048; i++) writeDoubleword(ram, SEGMENT + 8 * i, INVALID);
    writeDoubleword(ram, SEGMENT, BigInt(PAGES));
    writeDoubleword(ram, SEGMENT + 8, 0x300000n | 0x400n);
    writeDoubleword(ram, SEGMENT + 16, 0x400000n | 0x600n);
    for (let i = 0; i < 256; i++) writeDoubleword(ram, PAGES + 8 * i, 0x400n);
    writeDoubleword(ram, PAGES, 0x50000n);
    writeDoubleword(ram, PAGES + 8, 0x51000n | 0x200n);
    writeDoubleword(ram, PAGES + 16, 0x52000n | 0x800n);
    writeDoubleword(ram, PAGES + 24, 0x7f000000n);
  });

  const home = () => {
    const cpu = context({ dat: true, space: 3 });
    setAsce(cpu, 13, ASCE);
    return cpu;
  };

  it.each([
    ['a page', 0x123n, 0x50123],
    ['a 1 MiB frame', 0x123456n, 0x323456],
    ['a 2 GiB frame', 0x80000000n + 0x654321n, 0x654321],
    ['a protected page for fetching', 0x1010n, 0x51010],
  ])('finds the absolute address in %s', (_what, address, absolute) => {
    expect(translate(home(), address)).toBe(0);
    expect(translator.absolute).toBe(absolute);
  });

  it.each([
    ['an invalid page', 0x4000n, false, 0x11],
    ['an invalid segment', 0x500000n, false, 0x10],
    ['an invalid region', 0x100000000n, false, 0x3b],
    ['an address beyond the designation', 1n << 53n, false, 0x38],
    ['a page entry with a reserved bit', 0x2000n, false, 0x12],
    ['a frame outside storage', 0x3000n, false, 0x05],
    ['a store into a protected page', 0x1000n, true, 0x04],
    ['a store into a protected segment', 0x200000n, true, 0x04],
  ])('gives the access exception of %s', (_what, address, store, code) => {
    expect(translate(home(), address, store)).toBe(code);
  });

  it('identifies page, kind of access and space of a translation exception', () => {
    expect(translate(home(), 0x4abcn, true)).toBe(0x11);
    expect([...translator.teid]).toEqual([0, 0x4000 | 0x400 | 4 | 3]);
    expect(translate(home(), 0x4abcn, false)).toBe(0x11);
    expect([...translator.teid]).toEqual([0, 0x4000 | 0x800 | 4 | 3]);
  });

  it.each([
    ['primary', 0, 1],
    ['secondary', 2, 7],
    ['home', 3, 13],
  ])('takes the %s space from its control register', (_name, space, cr) => {
    const cpu = context({ dat: true, space });
    for (const other of [1, 7, 13]) setAsce(cpu, other, 0x20n);
    expect(translate(cpu, 0x123n)).toBe(0);
    expect(translator.absolute).toBe(0x123);
    setAsce(cpu, cr, ASCE);
    expect(translate(cpu, 0x123n)).toBe(0);
    expect(translator.absolute).toBe(0x50123);
  });

  it('stops at the length of a table', () => {
    const cpu = home();
    setAsce(cpu, 13, BigInt(REGION_THIRD) | 0x4n);
    expect(translate(cpu, 0x80000000n)).toBe(0);
    expect(translate(cpu, 512n << 31n)).toBe(0x3b);
  });

  it('refuses an entry of the wrong type', () => {
    writeDoubleword(ram, REGION_THIRD, BigInt(SEGMENT) | 0xbn);
    expect(translate(home(), 0n)).toBe(0x12);
  });

  it('leaves real addresses alone with DAT off, except for prefixing', () => {
    const cpu = context({ prefix: 0x20000 });
    expect(translate(cpu, 0x123n)).toBe(0);
    expect(translator.absolute).toBe(0x20123);
    expect(translate(cpu, 0x21000n)).toBe(0);
    expect(translator.absolute).toBe(0x1000);
    expect(translate(cpu, BigInt(ram.size))).toBe(5);
  });

  it('takes a real-space designation as no translation', () => {
    const cpu = home();
    setAsce(cpu, 13, 0x20n);
    expect(translate(cpu, 0x4000n)).toBe(0);
    expect(translator.absolute).toBe(0x4000);
  });

  it.each([
    [0x1ffn, 4],
    [0x200n, 0],
    [0x1000n, 4],
    [0x11ffn, 4],
    [0x1200n, 0],
  ])('protects low addresses against stores when CR0 says so: %s', (address, code) => {
    const cpu = context();
    expect(translate(cpu, address, true)).toBe(0);
    cpu.cr[1] = 0x10000000;
    expect(translate(cpu, address, true)).toBe(code);
    expect(translate(cpu, address, false)).toBe(0);
  });

  it('swaps prefix area and low storage both ways', () => {
    expect(prefixed(0x20000, 0x1fff)).toBe(0x21fff);
    expect(prefixed(0x20000, 0x2000)).toBe(0x2000);
    expect(prefixed(0x20000, 0x20000)).toBe(0);
    expect(prefixed(0x20000, 0x22000)).toBe(0x22000);
  });
});
