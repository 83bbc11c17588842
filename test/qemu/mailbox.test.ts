// SPDX-License-Identifier: Apache-2.0
// One AP instruction from the mailbox to the machine and back.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAILBOX, MAILBOX_BYTES } from '../../src/qemu/hook-layout.ts';
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

  it('of CPU 1 is told to have served the last AP instruction, whose registers are the kernel’s; CPU 0 may never execute one', () => {
    expect(parts.loop.lastCpu).toBeUndefined();
    request(ram, box(1), { instruction: PQAP, gr: { 0: 0x0504n } });
    parts.loop.poll();
    expect(parts.loop.lastCpu).toBe(1);
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

  const TARGET = 0x31000;
  const EX = 0x44040000; // EX 0,0(4,0)
  const EXRL = 0xc6000000;
  it.each([
    { what: 'EX', how: { instruction: EX } },
    {
      what: 'EX with index, base and displacement',
      how: { instruction: 0x44045010 },
      gr: { 4: 0xff0n, 5: 0x30000n },
    },
    {
      what: 'EX that makes the opcode',
      how: { instruction: EX | 0x00300000 },
      target: 0xb2a00000,
      gr: { 3: 0xabcdef0fn },
    },
    {
      what: 'EX with an address of 31 bits',
      how: { instruction: EX, mask: 0x80000000n },
      gr: { 4: 0x80031000n },
    },
    { what: 'EXRL', how: { instruction: EXRL, ilc: 6 }, offset: TARGET - INSTRUCTION_AT },
    { what: 'EXRL backwards', how: { instruction: EXRL, ilc: 6 }, at: 0x2f000, offset: -0x1000 },
  ])('executes an AP instruction under $what', ({ how, target = PQAP, at = TARGET, ...rest }) => {
    ram.writeWord(at, target);
    const instruction = how.instruction | (((rest.offset ?? 0) >> 17) & 0xffff);
    ram.writeHalfword(INSTRUCTION_AT + 4, ((rest.offset ?? 0) >> 1) & 0xffff);
    const gr = { 0: 0x0504n, 4: BigInt(TARGET), ...rest.gr };
    request(ram, box(), { ...how, instruction: instruction >>> 0, gr });
    parts.loop.poll();
    expect(answer(ram, box())).toMatchObject({ answered: true, action: RESUME, cc: 0 });
    expect(answer(ram, box()).gr(1)).toBe(0x80000000n);
    expect(parts.loop.counts).toMatchObject({ instructions: 1, reflected: 0 });
  });

  it.each([
    ['another instruction', 'b2210000', BigInt(TARGET)],
    ['an odd address', '00b2af0000', BigInt(TARGET + 1)],
    ['an address outside storage', '', 0x7f000000n],
  ])('leaves an EXECUTE of %s alone', (_what, target, at) => {
    ram.write(TARGET, Buffer.from(target, 'hex'));
    request(ram, box(), { instruction: EX, gr: { 0: 0x0504n, 4: at } });
    parts.loop.poll();
    expect(answer(ram, box())).toMatchObject({ answered: true, action: REFLECT, code: 1 });
  });

  it('lets a translation exception under EXRL nullify back to the EXRL', () => {
    ram.writeWord(0x14004, 0x18000);
    for (let page = 0; page < 256; page++) ram.writeWord(0x18004 + 8 * page, 0x400);
    ram.writeWord(0x18004 + 8 * 0x30, INSTRUCTION_AT);
    ram.writeWord(INSTRUCTION_AT + 0x100, PQAP);
    ram.writeHalfword(INSTRUCTION_AT + 4, 0x80);
    const gr = { 0: 0x04000000n, 2: 0x5000n };
    request(ram, box(), { instruction: 0xc6000000, ilc: 6, gr, mask: DAT });
    ram.writeWord(box() + MAILBOX.MB_CR + 12, 0x14000);
    parts.loop.poll();
    const got = answer(ram, box());
    expect(got).toMatchObject({ action: REFLECT, code: 0x11, oldAddress: INSTRUCTION_AT });
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
