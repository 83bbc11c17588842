// SPDX-License-Identifier: Apache-2.0
// One AP instruction from the mailbox to the machine and back.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAILBOX, MAILBOX_BYTES } from '../../src/qemu/layout.ts';
import type { GuestRam } from '../../src/qemu/ram.ts';
import { answer, INSTRUCTION_AT, request, station } from './support/hooked-cpu.ts';
import { testRam } from './support/memory.ts';

const PQAP = 0xb2af0000;
const RESUME = 0;
const REFLECT = 1;
const DAT = 0x0400000180000000n;

describe('a mailbox', () => {
  let ram: GuestRam;
  let parts: ReturnType<typeof station>;
  beforeEach(() => {
    ram = testRam();
    parts = station(ram, 2);
  });
  afterEach(() => ram.close());
  const box = (cpu = 0) => parts.hook.mailbox(cpu);

  it('answers TAPQ with registers and condition code', () => {
    request(ram, box(), { instruction: PQAP, gr: { 0: 0x00800504n, 9: 0x1234567890abcdefn } });
    expect(parts.loop.poll()).toBe(1);
    const got = answer(ram, box());
    expect(got).toMatchObject({ answered: true, action: RESUME, cc: 0 });
    expect(got.gr(1)).toBe(0x80000000n);
    expect(got.gr(2)).toBe(0xf28000000e540307n);
    expect(got.gr(9)).toBe(0x1234567890abcdefn);
    expect(parts.loop.poll()).toBe(0);
  });

  it('gives condition code 3 for a queue that is not there', () => {
    request(ram, box(), { instruction: PQAP, gr: { 0: 0x0747n } });
    parts.loop.poll();
    expect(answer(ram, box())).toMatchObject({ action: RESUME, cc: 3 });
  });

  it('serves the mailbox of each CPU', () => {
    request(ram, box(0), { instruction: PQAP, gr: { 0: 0x0504n } });
    request(ram, box(1), { instruction: PQAP, gr: { 0: 0x0747n } });
    expect(parts.loop.poll()).toBe(2);
    expect(answer(ram, box(0)).cc).toBe(0);
    expect(answer(ram, box(1)).cc).toBe(3);
  });

  it.each([
    ['privileged operation in the problem state', { mask: 0x0001000180000000n }, 2],
    ['specification for a function code that is undefined', { gr: { 0: 0x2a000504n } }, 6],
    ['addressing for a QCI block outside storage', { gr: { 0: 0x04000000n, 2: 1n << 40n } }, 5],
  ])('turns the operation exception into %s', (_what, change, code) => {
    request(ram, box(), { instruction: PQAP, ...change });
    parts.loop.poll();
    const got = answer(ram, box());
    expect(got).toMatchObject({ answered: true, action: REFLECT, code });
    expect(got.oldAddress).toBe(INSTRUCTION_AT + 4);
  });

  it('lets a translation exception nullify: the old PSW points at the instruction again', () => {
    // The instruction is fetched from the primary space, QCI's block with the same tables: one page for both.
    ram.writeWord(0x14004, 0x18000);
    for (let page = 0; page < 256; page++) ram.writeWord(0x18004 + 8 * page, 0x400);
    ram.writeWord(0x18004 + 8 * 0x30, INSTRUCTION_AT);
    request(ram, box(), { instruction: PQAP, gr: { 0: 0x04000000n, 2: 0x5000n }, mask: DAT });
    ram.writeWord(box() + MAILBOX.MB_CR + 12, 0x14000);
    parts.loop.poll();
    const got = answer(ram, box());
    expect(got).toMatchObject({ action: REFLECT, code: 0x11, oldAddress: INSTRUCTION_AT });
  });

  it.each([
    ['is none of the three', { instruction: 0xb2210000 }],
    ['has another length', { instruction: 0x00000000, ilc: 2 }],
    ['lies outside storage', { instruction: PQAP, address: 0x7f000000 }],
  ])('leaves an operation exception alone when the instruction %s', (_what, change) => {
    request(ram, box(), change);
    parts.loop.poll();
    expect(answer(ram, box())).toMatchObject({ answered: true, action: REFLECT, code: 1 });
    expect(parts.loop.counts).toMatchObject({ instructions: 0, reflected: 1 });
  });

  it('does not serve a request that was withdrawn', () => {
    request(ram, box(), { instruction: PQAP, gr: { 0: 0x0504n } });
    ram.writeWord(box() + MAILBOX.MB_WITHDRAWN, 1);
    expect(parts.loop.poll()).toBe(0);
    expect(answer(ram, box()).answered).toBe(false);
  });

  it('does not answer a request that is withdrawn while it is executed', () => {
    request(ram, box(), { instruction: PQAP, gr: { 0: 0x0504n } });
    const { service } = parts;
    const real = service.execute.bind(service);
    service.execute = (cpu, word) => {
      ram.writeWord(box() + MAILBOX.MB_WITHDRAWN, 1);
      return real(cpu, word);
    };
    parts.loop.poll();
    expect(answer(ram, box()).answered).toBe(false);
    expect(parts.loop.counts.withdrawn).toBe(1);
  });

  it('lies MAILBOX_BYTES after that of the CPU before', () => {
    expect(box(1) - box(0)).toBe(MAILBOX_BYTES);
  });
});
