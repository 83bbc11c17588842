// SPDX-License-Identifier: Apache-2.0
// A test kernel may do with its lowcores what it likes (issue 13: B9, B10, B11): handlers changed in place and in lowcores of their
// own, what an operation exception overwrites, facilities, TPI, an interruption for a CPU that is not the first.

import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import type { LaunchOptions } from '../../src/qemu/arguments.ts';
import { GuestConsole } from '../../src/qemu/console.ts';
import { createQemuMachine } from '../../src/qemu/guest-machine.ts';
import { AREA_BYTES } from '../../src/qemu/hook-layout.ts';
import { Poller } from '../../src/qemu/poller.ts';
import { bootGuest, type ServedGuest } from '../../src/qemu/serve.ts';
import { assembledKernel } from './support/assembled-kernel.ts';
import { haveAssembler, haveQemu } from './support/requirements.ts';
import { twoGuests } from './support/two-guests.ts';

const NONE = '0000000000000000';
const FIRST = '1122334455667788';
const SECOND = '99aabbccddeeff00';
const INTERRUPTION = '00000000b0000000';

/** name, program interruption code, condition code, GR1, GR2. */
const EXPECTED = [
  // Bits 12 and 15, then 65 and 76: as the machine has them, not as QEMU's CPU model.
  ['stfle', '0000', '1', '0009000000000000', '4008000000000000'],
  ['stfl', '0000', '1', '0000000000090000', NONE],
  // ILC and code, old PSW, breaking event: untouched by an instruction without exception.
  ['fields', '0000', '3', '0000000011223344', SECOND],
  ['breaking', '0000', '3', SECOND, FIRST],
  ['seen', '0009', '0', NONE, NONE],
  ['seen2', '0000', '3', '0000000000040009', NONE],
  ['handler', '0009', '0', NONE, NONE],
  ['daton', '0009', '1', '0000000004000000', NONE],
  ['datoff', '0009', '0', NONE, NONE],
  ['spx', '0000', '3', '0000000000010000', NONE],
  ['other', '0009', '0', '0000000000000077', NONE],
  ['tpi0', '0000', '0', NONE, NONE],
  ['tpi1', '0000', '1', INTERRUPTION, NONE],
  ['second', '0000', '2', '0000000000000003', NONE],
  ['float', '0000', '2', INTERRUPTION, NONE],
  ['end', '0000', '0', NONE, NONE],
];

describe.skipIf(!(haveQemu() && haveAssembler()))('a test kernel with lowcores of its own', () => {
  const { kernel, remove } = assembledKernel('lowcore-kernel.S');
  afterAll(remove);
  let close = async () => {};
  afterEach(() => close());

  async function boot(options: Partial<LaunchOptions> = {}): Promise<ServedGuest> {
    const qemu = await createQemuMachine(configFromObject(twoGuests()).config, ['Guest1']);
    const launch = { kernel, bare: true, memoryMiB: 64, cpus: 2, ...options };
    const guest = await bootGuest(qemu.service('Guest1'), new Poller(), launch, { hook: 'bare' });
    close = async () => {
      await guest.close();
      qemu.machine.close();
    };
    return guest;
  }

  async function lines(guest: ServedGuest): Promise<string[][]> {
    const console = new GuestConsole(guest.qemu!.output!, guest.qemu!.input!);
    await console.waitFor(/^end .*\n/m, 60_000);
    return console.text
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/));
  }

  it('sees on both CPUs what a machine shows', async () => {
    const guest = await boot();
    expect(await lines(guest)).toEqual(EXPECTED);
    expect(guest.attachment.loop.counts.reflected).toBe(0);
  });

  it('does not see facility 65 with --no-interrupts', async () => {
    const [stfle] = await lines(await boot({ interrupts: false }));
    expect(stfle).toEqual(['stfle', '0000', '1', '0009000000000000', '0008000000000000']);
  });

  it('that has written over the last MiB is ended with a word about it', async () => {
    const guest = await boot();
    await lines(guest);
    const { ram } = guest.qemu!;
    ram.write(ram.size - AREA_BYTES, Buffer.alloc(0x1000));
    expect(await guest.ended).toMatch(/written over the last MiB of its storage/);
  });
});
