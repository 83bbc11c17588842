// SPDX-License-Identifier: Apache-2.0
// A test kernel without an operating system, served by `--hook bare`: what each instruction must come out with.

import { afterAll, describe, expect, it } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import type { ApService } from '../../src/qemu/ap-service.ts';
import { GuestConsole } from '../../src/qemu/console.ts';
import { createLparMachine, createQemuMachine } from '../../src/qemu/guest-machine.ts';
import { Poller } from '../../src/qemu/poller.ts';
import { bootGuest } from '../../src/qemu/serve.ts';
import { assembledKernel } from './support/assembled-kernel.ts';
import { haveAssembler, haveQemu } from './support/requirements.ts';
import { twoGuests } from './support/two-guests.ts';

const NONE = '0000000000000000';
/** Four bytes into the kernel's buffer. */
const BUFFER = '0000000000021004';

/** name, program interruption code, condition code, GR1, GR2; the first word of QCI is not the same for all. */
const expected = (qci: string) => [
  ['tapq', '0000', '0', '0000000080000000', '928000000e540307'],
  ['absent', '0000', '3', '0000000000010000', NONE],
  ['fc42', '0006', '0', NONE, NONE],
  ['oddreg', '0006', '0', NONE, NONE],
  ['zerolen', '0006', '0', NONE, NONE],
  ['outside', '0005', '0', NONE, NONE],
  ['invalid', '0001', '0', NONE, NONE],
  ['divide', '0009', '0', NONE, NONE],
  ['gr0bit', '0006', '0', NONE, NONE],
  ['align', '0006', '0', NONE, BUFFER],
  ['oddr2', '0006', '0', NONE, NONE],
  ['ppqap', '0002', '0', NONE, NONE],
  ['pnqap', '0002', '0', NONE, NONE],
  ['pdqap', '0002', '0', NONE, NONE],
  ['ex', '0000', '0', '0000000080000000', '928000000e540307'],
  ['exrl', '0000', '3', '0000000000010000', NONE],
  ['exspec', '0006', '0', NONE, NONE],
  ['again', '0000', '3', '0000000000010000', NONE],
  ['qci', '0000', '0', qci, '0600000000000000'],
  ['aqic', '0000', '0', '0000000080000000', NONE],
  ['irqon', '0000', '0', '0000000081000000', '000000000e540307'],
  ['nqap', '0000', '0', '0000000001000000', NONE],
  ['iomask', '0000', '0', '00000000b0000000', '0000000000000001'],
  ['dqap', '0000', '0', '0000000081000000', '0000000000000022'],
  ['end', '0000', '0', NONE, NONE],
];

/** Who answers, and the beginning of its QCI block: only the partition has the facility of secure execution (bit 8). */
const SERVED: readonly [string, string, () => Promise<Served>][] = [
  [
    'a guest of the machine',
    'f0000000ffff0000',
    async () => {
      const qemu = await createQemuMachine(configFromObject(twoGuests()).config, ['Guest1']);
      return { service: qemu.service('Guest1'), close: () => qemu.machine.close() };
    },
  ],
  [
    'the partition',
    'f0800000ffff0000',
    async () => {
      const { machine, service } = await createLparMachine(configFromObject(twoGuests()).config);
      return { service, close: () => machine.close() };
    },
  ],
];

interface Served {
  readonly service: ApService;
  close(): void;
}

describe.skipIf(!(haveQemu() && haveAssembler()))('a bare-metal test kernel', () => {
  const { kernel, remove } = assembledKernel('bare-kernel.S');
  afterAll(remove);

  it.each(SERVED)(
    'gets every answer and exception, and an adapter interruption in a wait, from %s',
    async (_name, qci, make) => {
      const machine = await make();
      const launch = { kernel, bare: true, memoryMiB: 64 };
      const guest = await bootGuest(machine.service, new Poller(), launch, { hook: 'bare' });
      try {
        const console = new GuestConsole(guest.qemu!.output!, guest.qemu!.input!);
        await console.waitFor(/^end .*\n/m, 60_000);
        const lines = console.text.trim().split('\n');
        expect(lines.map((line) => line.split(/\s+/))).toEqual(expected(qci));
        expect(guest.attachment.interruptions.counts.restart).toBe(1);
        // 13.B12: what is no AP instruction costs no round trip.
        expect(guest.attachment.loop.counts.reflected).toBe(0);
      } finally {
        await guest.close();
        machine.close();
      }
    },
  );
});
