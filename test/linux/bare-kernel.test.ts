// SPDX-License-Identifier: Apache-2.0
// A test kernel without an operating system, served by `--hook bare`: what each instruction must come out with.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { GuestConsole } from '../../src/qemu/console.ts';
import { Poller } from '../../src/qemu/poller.ts';
import { bootGuest } from '../../src/qemu/serve.ts';
import { StubService } from '../qemu/support/stub-service.ts';
import { haveAssembler, haveQemu } from './support/requirements.ts';

const NONE = '0000000000000000';

/** name, program interruption code, condition code, GR1, GR2 */
const EXPECTED = [
  ['tapq', '0000', '0', '0000000080000000', 'f28000000e540307'],
  ['absent', '0000', '3', '0000000000010000', NONE],
  ['fc42', '0006', '0', NONE, NONE],
  ['oddreg', '0006', '0', NONE, NONE],
  ['zerolen', '0006', '0', NONE, NONE],
  ['outside', '0005', '0', NONE, NONE],
  ['invalid', '0001', '0', NONE, NONE],
  ['divide', '0009', '0', NONE, NONE],
  ['problem', '0002', '0', NONE, NONE],
  ['ex', '0000', '0', '0000000080000000', 'f28000000e540307'],
  ['exrl', '0000', '3', '0000000000010000', NONE],
  ['exspec', '0006', '0', NONE, NONE],
  ['qci', '0000', '0', 'c0000000ffff0000', '0600000000000000'],
  ['aqic', '0000', '0', '0000000081000000', NONE],
  ['irqon', '0000', '0', '0000000081000000', '000000000e540307'],
  ['nqap', '0000', '0', '0000000041000000', NONE],
  ['iomask', '0000', '0', '00000000b0000000', '0000000000000001'],
  ['dqap', '0000', '0', '0000000081000000', '0000000000000022'],
  ['end', '0000', '0', NONE, NONE],
];

describe.skipIf(!(haveQemu() && haveAssembler()))('a bare-metal test kernel', () => {
  const folder = mkdtempSync(join(tmpdir(), 'apemu-bare-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('gets every answer and exception, and an adapter interruption in a wait', async () => {
    const source = new URL('./support/bare-kernel.S', import.meta.url).pathname;
    const [object, kernel] = [join(folder, 'bare.o'), join(folder, 'bare.elf')];
    execFileSync('s390x-linux-gnu-as', ['-o', object, source]);
    // Above the place where QEMU writes a Linux command line.
    const link = ['-Ttext=0x20000', '-e', '_start', '-o', kernel, object];
    execFileSync('s390x-linux-gnu-ld', link);
    const poller = new Poller();
    const launch = { kernel, bare: true, memoryMiB: 64 };
    const guest = await bootGuest(new StubService(), poller, launch, { hook: 'bare' });
    try {
      const console = new GuestConsole(guest.qemu!.output!, guest.qemu!.input!);
      await console.waitFor(/^(end|nohook) .*\n/m, 60_000);
      const lines = console.text.trim().split('\n');
      expect(lines.map((line) => line.split(/\s+/))).toEqual(EXPECTED);
      expect(guest.attachment.interruptions.counts.restart).toBe(1);
    } finally {
      await guest.close();
    }
  });
});
