// SPDX-License-Identifier: Apache-2.0
// The machine check of a channel report as a stock kernel meets it: what is stored where; and the instructions it fetches the report with.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AREA, MAILBOX, SCRATCH } from '../../src/qemu/hook-layout.ts';
import { findInText, isReportInstruction } from '../../src/qemu/kernel-text.ts';
import { LowcoreHook } from '../../src/qemu/lowcore.ts';
import { storeMachineCheck, takesChannelReport } from '../../src/qemu/machine-check.ts';
import type { GuestRam } from '../../src/qemu/ram.ts';
import { testRam } from './support/memory.ts';

const PREFIX = 0x10000;
const EXTENDED = 0x24000;
const MAILBOX_AT = 0x30000;

let ram: GuestRam;
beforeEach(() => {
  ram = testRam();
});
afterEach(() => ram.close());

const hexAt = (address: number, bytes: number): string => {
  const buffer = Buffer.alloc(bytes);
  ram.read(address, buffer);
  return buffer.toString('hex');
};

/** The stub's registers: each is its number, over and over. */
const stub = {
  asked: [] as string[],
  ask: async (text: string): Promise<string> => {
    stub.asked.push(text);
    const number = Number.parseInt(text.slice(1), 16);
    const bytes = number >= 67 && number < 83 ? 16 : number >= 18 && number < 35 ? 4 : 8;
    return text.startsWith('p') ? number.toString(16).padStart(2, '0').repeat(bytes) : 'OK';
  },
};

const numbers = (first: number, bytes: number): string =>
  Array.from({ length: 16 }, (_, n) =>
    (first + n).toString(16).padStart(2, '0').repeat(bytes),
  ).join('');

const store = async (): Promise<void> => {
  stub.asked.length = 0;
  ram.write(PREFIX + SCRATCH.LC_RST_SAVE, Buffer.alloc(128, 0xa1));
  ram.write(PREFIX + SCRATCH.LC_RST_PSW, Buffer.alloc(16, 0xa2));
  ram.write(PREFIX + 0x1e0, Buffer.alloc(16, 0xa3));
  ram.write(MAILBOX_AT + MAILBOX.MB_RST_CR, Buffer.alloc(128, 0xa4));
  await storeMachineCheck(stub, ram, { cpu: 1, prefix: PREFIX, mailbox: MAILBOX_AT });
};

describe('a machine check', () => {
  it('stores registers, PSW and code where the architecture has them, and goes on at the handler', async () => {
    ram.writeWord(PREFIX + 0x11b4, EXTENDED | 0xb);
    await store();
    expect(stub.asked[0]).toBe('Hg2');
    expect(hexAt(PREFIX + 0x1200, 128)).toBe(numbers(35, 8));
    expect(hexAt(PREFIX + 0x1280, 128)).toBe('a1'.repeat(128));
    expect(hexAt(PREFIX + 0x131c, 4)).toBe('22222222');
    expect(hexAt(PREFIX + 0x1340, 64)).toBe(numbers(18, 4));
    expect(hexAt(PREFIX + 0x1380, 128)).toBe('a4'.repeat(128));
    expect(hexAt(PREFIX + 0x160, 16)).toBe('a2'.repeat(16));
    expect(hexAt(PREFIX + SCRATCH.LC_RST_PSW, 16)).toBe('a3'.repeat(16));
    // Bits 9, 20-23, 25, 27-29 and 31; 33, 42, 43 and 47.
    expect(hexAt(PREFIX + 0xe8, 8)).toBe('00400f5d40310000');
    expect(hexAt(EXTENDED, 32)).toBe(
      `${'23'.repeat(8)}${'33'.repeat(8)}${'24'.repeat(8)}${'34'.repeat(8)}`,
    );
    expect(hexAt(EXTENDED + 256, 256)).toBe(numbers(67, 16));
  });

  it('says that vector registers are not valid where the guest has no place for them', async () => {
    await store();
    expect(hexAt(PREFIX + 0xe8, 4)).toBe('00400f1d');
  });

  it.each([
    ['enabled by PSW and control register 14', 0x0704c001, 0x1f000000, true],
    ['disabled by its PSW', 0x0700c001, 0x1f000000, false],
    ['without channel reports in control register 14', 0x0704c001, 0x0f000000, false],
  ])('a CPU %s', (_, psw, cr14, takes) => {
    expect(takesChannelReport(psw, cr14)).toBe(takes);
  });
});

describe('instructions that fetch a report', () => {
  it.each([
    ['STCRW', 'b2391000', true],
    ['CHSC', 'b25f0020', true],
    ['CHSC with bits it does not have', 'b25f0120', false],
    ['another one', 'b2341000', false],
  ])('%s', (_, text, is) => {
    expect(isReportInstruction(Buffer.from(text, 'hex'))).toBe(is);
  });

  it('are found around the handler of program interruptions, at their logical addresses', () => {
    const hook = new LowcoreHook(ram, 'linux');
    const handler = Buffer.alloc(16);
    handler.writeUInt32BE(0x00000001, 0);
    handler.writeUInt32BE(0x80000000, 4);
    handler.writeUInt32BE(0x200000, 12);
    ram.write(hook.area + AREA.original_program, handler);
    ram.write(0x100002, Buffer.from('b2391000', 'hex'));
    ram.write(0x300000, Buffer.from('b25f0020', 'hex'));
    ram.write(hook.area + 0x10, Buffer.from('b25f0020', 'hex'));
    expect(findInText(ram, hook, MAILBOX_AT, 'restart', isReportInstruction)).toEqual([
      0x100002n,
      0x300000n,
    ]);
  });

  it('are none where the handler cannot be translated', () => {
    const hook = new LowcoreHook(ram, 'linux');
    ram.write(
      hook.area + AREA.original_program,
      Buffer.from('0404c00180000000ffff000000000000', 'hex'),
    );
    expect(findInText(ram, hook, MAILBOX_AT, 'restart', isReportInstruction)).toEqual([]);
  });
});
