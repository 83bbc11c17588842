// SPDX-License-Identifier: Apache-2.0
// When a guest's handlers count as set, and what hooking changes.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AREA, LOWCORE } from '../../src/qemu/hook-layout.ts';
import { LowcoreHook } from '../../src/qemu/lowcore.ts';
import type { GuestRam } from '../../src/qemu/ram.ts';
import { testRam, writeDoubleword } from './support/memory.ts';

const WIDE = 0x0000000180000000n;
const LINUX = 0x0404c00180000000n;
let ram: GuestRam;

function setPsw(lowcore: number, field: number, mask: bigint, address: bigint): void {
  writeDoubleword(ram, lowcore + field, mask);
  writeDoubleword(ram, lowcore + field + 8, address);
}

describe('the lowcore at absolute zero', () => {
  beforeEach(() => {
    ram = testRam();
  });
  afterEach(() => ram.close());

  // the stages of docs/reference/qemu-attach.md section 5
  it.each([
    ['nothing yet', 0n, 0n, 0n, 0n, 'early', 'early'],
    ['the decompressor', WIDE, 0x101d0n, 0n, 0n, 'early', 'final'],
    ['early 6.1, DAT off', WIDE, 0x1039a0n, WIDE, 0x200000n, 'early', 'final'],
    ['early 6.12, no restart PSW', LINUX, 0x3ffe0100000n, 0n, 0n, 'early', 'final'],
    ['a 31-bit handler', 0x0400000080000000n, 0x200000n, WIDE, 0x200000n, 'early', 'early'],
    ['final 6.1', LINUX, 0x9d5e98n, WIDE, 0x200000n, 'final', 'final'],
    ['final 6.12', 0x0400c00180000000n, 0x3ffe0b41234n, WIDE, 0x3ffe0b40000n, 'final', 'final'],
  ])('with %s', (_what, mask, address, restartMask, restartAddress, linux, bare) => {
    setPsw(0, LOWCORE.LC_PGM_NEW, mask, address);
    setPsw(0, LOWCORE.LC_RESTART_NEW, restartMask, restartAddress);
    expect(new LowcoreHook(ram, 'linux').state()).toBe(linux);
    expect(new LowcoreHook(ram, 'bare').state()).toBe(bare);
  });

  it('is hooked together with the prefix areas that look the same, and let go again', () => {
    for (const lowcore of [0, 0x10000, 0x7e000]) {
      setPsw(lowcore, LOWCORE.LC_PGM_NEW, LINUX, 0x200000n);
      setPsw(lowcore, LOWCORE.LC_RESTART_NEW, WIDE, 0x300000n);
    }
    setPsw(0x20000, LOWCORE.LC_PGM_NEW, LINUX, 0x200000n);
    const hook = new LowcoreHook(ram, 'linux');
    expect(hook.install(1000)).toEqual([0, 0x10000, 0x7e000]);
    expect(hook.state()).toBe('hooked');
    expect(hook.armRestart(0x7e000)).toBe(true);
    expect(hook.armRestart(0x20000)).toBe(false);
    expect(ram.readWord(0x7e000 + LOWCORE.LC_PGM_NEW + 12)).toBe(hook.area);
    expect(ram.readWord(0x20000 + LOWCORE.LC_PGM_NEW + 12)).toBe(0x200000);
    hook.remove();
    expect(ram.readWord(0x7e000 + LOWCORE.LC_PGM_NEW + 12)).toBe(0x200000);
    expect(ram.readWord(0x7e000 + LOWCORE.LC_RESTART_NEW + 12)).toBe(0x300000);
    expect(hook.state()).toBe('final');
  });

  it('keeps the original handler for Linux with machine checks enabled, as the kernel will have it', () => {
    for (const lowcore of [0, 0x10000]) {
      setPsw(lowcore, LOWCORE.LC_PGM_NEW, 0x0400c00180000000n, 0x200000n);
      setPsw(lowcore, LOWCORE.LC_RESTART_NEW, WIDE, 0x300000n);
    }
    const hook = new LowcoreHook(ram, 'linux');
    hook.install(1000);
    expect(ram.readWord(hook.area + AREA.original_program)).toBe(0x0404c001);
  });

  it('is left alone while the prefix area of Linux does not look the same', () => {
    setPsw(0, LOWCORE.LC_PGM_NEW, LINUX, 0x200000n);
    setPsw(0, LOWCORE.LC_RESTART_NEW, WIDE, 0x300000n);
    const hook = new LowcoreHook(ram, 'linux');
    expect(hook.install(1000)).toEqual([]);
    expect(hook.state()).toBe('final');
  });

  it('is found although Linux has enabled machine checks in the prefix area meanwhile', () => {
    setPsw(0, LOWCORE.LC_PGM_NEW, 0x0400c00180000000n, 0x200000n);
    setPsw(0x10000, LOWCORE.LC_PGM_NEW, LINUX, 0x200000n);
    for (const lowcore of [0, 0x10000]) setPsw(lowcore, LOWCORE.LC_RESTART_NEW, WIDE, 0x300000n);
    expect(new LowcoreHook(ram, 'linux').install(1000)).toEqual([0, 0x10000]);
  });

  it('tells when a vCPU has given up, and takes it back', () => {
    const hook = new LowcoreHook(ram, 'linux');
    expect(hook.isSilent()).toBe(false);
    hook.silence();
    expect(hook.isSilent()).toBe(true);
    hook.adopt(5000);
    expect(hook.isSilent()).toBe(false);
    expect(ram.readWord(hook.area + AREA.patience + 4)).toBe((5000 * 4_096_000) % 2 ** 32);
  });
});
