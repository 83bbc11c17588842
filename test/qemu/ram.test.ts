// SPDX-License-Identifier: Apache-2.0
// Guest storage has an end, and so has its descriptor (issue 13, A2 and B8): no address makes the file grow, nothing is written after
// it has been closed, to whomever the descriptor's number belongs by then.

import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAILBOX } from '../../src/qemu/hook-layout.ts';
import type { GuestRam } from '../../src/qemu/ram.ts';
import { answer, PREFIX, request, station } from './support/hooked-cpu.ts';
import { testRam } from './support/memory.ts';

const SIZE = 0x400000;
let ram: GuestRam;
beforeEach(() => {
  ram = testRam(SIZE);
});
afterEach(() => ram.close());

describe('an access to guest storage', () => {
  it.each([
    ['at its end', SIZE],
    ['across its end', SIZE - 2],
    ['before its beginning', -4],
    ['far beyond', 2 ** 40],
    ['beyond what a number can count', 2 ** 63],
    ['at no number', Number.NaN],
    ['at half a byte', 0.5],
    ['at infinity', Number.POSITIVE_INFINITY],
  ])('%s is refused: nothing is written, zeros are read', (_where, address) => {
    const bytes = Buffer.from('ffffffff', 'hex');
    expect(ram.write(address, bytes)).toBe(false);
    ram.writeWord(address, 0xffffffff);
    expect(ram.read(address, bytes)).toBe(false);
    expect(bytes.toString('hex')).toBe('00000000');
    expect(ram.readWord(address)).toBe(0);
    expect(ram.refused).toBe(4);
    expect(fstatSync(ram.fd).size).toBe(SIZE);
  });

  it('is made on a file for its owner only', () => {
    expect(fstatSync(ram.fd).mode & 0o777).toBe(0o600);
  });

  it('inside is made, to the last byte', () => {
    expect(ram.write(SIZE - 4, Buffer.from('01020304', 'hex'))).toBe(true);
    expect(ram.readWord(SIZE - 4)).toBe(0x01020304);
    expect(ram.refused).toBe(0);
  });

  it('after close reaches nobody, although the number of the descriptor is used again', () => {
    const folder = mkdtempSync(join(tmpdir(), 'apemu-ram-'));
    const file = join(folder, 'other');
    const old = ram.fd;
    ram.close();
    const fd = openSync(file, 'wx+');
    expect(fd).toBe(old);
    ram.writeWord(0, 0xffffffff);
    expect(ram.readWord(0)).toBe(0);
    ram.close();
    closeSync(fd);
    expect(readFileSync(file).length).toBe(0);
    rmSync(folder, { recursive: true });
  });
});

describe('a prefix the guest has put into its mailbox', () => {
  const HOSTILE = [0xffffe000, 0x7fffe000, SIZE, SIZE - 0x1000, PREFIX + 4, 0x80000000];

  it.each(HOSTILE)('%i is not used for an answer', (prefix) => {
    const { hook, loop } = station(ram);
    const mailbox = hook.mailbox(0);
    request(ram, mailbox, { instruction: 0xb2af0000, gr: { 0: 0x2a000504n } });
    ram.writeWord(mailbox + MAILBOX.MB_PREFIX, prefix);
    loop.poll();
    expect(loop.counts).toMatchObject({ malformed: 1, instructions: 0 });
    expect(answer(ram, mailbox)).toMatchObject({ answered: true, action: 1 });
    expect([ram.refused, fstatSync(ram.fd).size]).toEqual([0, SIZE]);
  });

  it.each(HOSTILE)('%i is not used for an interruption', (prefix) => {
    const { hook, loop, service } = station(ram);
    const mailbox = hook.mailbox(0);
    service.pending = 0x02000000;
    ram.writeWord(mailbox + MAILBOX.MB_RST_PSW, 0x02000001);
    ram.writeWord(mailbox + MAILBOX.MB_RST_CR + 6 * 8 + 4, 0xff000000);
    ram.writeWord(mailbox + MAILBOX.MB_RST_PREFIX, prefix);
    ram.writeWord(mailbox + MAILBOX.MB_RST_REQUEST, 1);
    loop.poll();
    expect(service.pending).toBe(0x02000000);
    expect([ram.refused, fstatSync(ram.fd).size]).toEqual([0, SIZE]);
  });
});
