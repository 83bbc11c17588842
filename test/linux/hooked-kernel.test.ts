// SPDX-License-Identifier: Apache-2.0
// A stock kernel under QEMU with the hook in its lowcore: exceptions, reset, CPU hot plug, and every way to lose the emulator.
// The machine is the stub here; what the cards answer is tested elsewhere.

import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { attachGuest } from '../../src/qemu/serve.ts';
import { StubService } from '../qemu/support/stub-service.ts';
import {
  BOOT_MS,
  bootLinux,
  instructionProgram,
  shared,
  type TestGuest,
  withFiles,
} from './support/guest.ts';
import { imageOrReason } from './support/requirements.ts';

const PQAP = 0xb2af0000;
const INVALID = 0xb2ff0000;
const SIGILL = 128 + 4;

const kernels = await Promise.all(
  ['6.1', '6.12'].map(async (name) => [name, await imageOrReason(name)] as const),
);

describe.each(kernels.filter(([, image]) => image !== undefined))('kernel %s', (kernel, image) => {
  const { image: extended, remove } = withFiles(image!, [
    instructionProgram('bin/pqap', PQAP),
    instructionProgram('bin/invalid', INVALID),
  ]);
  afterAll(remove);
  let guest: TestGuest | undefined;
  afterEach(async () => {
    await guest?.close();
    guest = undefined;
  });
  /** Two CPUs and room for a third. */
  const running = shared(() =>
    bootLinux(new StubService(), extended, {
      cpus: 2,
      maxCpus: 3,
      append: 'print-fatal-signals=1',
    }),
  );

  it('gets a privileged-operation exception for PQAP in the problem state, and its own for others', async () => {
    const { attachment, console, sh } = await running();
    const { counts } = attachment.loop;
    const before = { ...counts };
    expect((await console.run('pqap')).status).toBe(SIGILL);
    expect((await console.run('invalid')).status).toBe(SIGILL);
    expect(counts.programInterruptions - before.programInterruptions).toBe(1);
    // 13.B12: the guest decides by the opcode, also in its home and primary space with tables of translation.
    expect(counts.reflected).toBe(before.reflected);
    expect(await sh('dmesg')).toMatch(/pqap.*(privileged|0002)|0002 ilc:2.*/s);
  });

  it('keeps the hook when a CPU goes offline and comes back', async () => {
    const { attachment, console, sh } = await running();
    const before = attachment.loop.counts.programInterruptions;
    await sh('echo 0 > /sys/devices/system/cpu/cpu1/online');
    await sh('rsa-test 5 1 mex-1024');
    await sh('echo 1 > /sys/devices/system/cpu/cpu1/online');
    await sh('taskset 2 rsa-test 5 1 mex-1024');
    expect((await console.run('taskset 2 pqap')).status).toBe(SIGILL);
    expect(attachment.loop.counts.programInterruptions - before).toBe(1);
  });

  it('takes a CPU that is plugged into QEMU while it runs', async () => {
    const { attachment, console, qemu, sh } = await running();
    const before = attachment.loop.counts.programInterruptions;
    await qemu!.qmp.execute('device_add', { driver: 'max-s390x-cpu', 'core-id': 2 });
    await sh('echo 1 > /sys/devices/system/cpu/rescan');
    await sh('echo 1 > /sys/devices/system/cpu/cpu2/online');
    expect((await console.run('taskset 4 pqap')).status).toBe(SIGILL);
    expect(attachment.loop.counts.programInterruptions - before).toBe(1);
  });

  it('can be let go: its instructions go to its own handler then', async () => {
    const { attachment, console, poller } = await running();
    await attachment.detach();
    poller.remove(attachment);
    const { counts } = attachment.loop;
    const before = counts.instructions + counts.reflected;
    expect((await console.run('pqap')).status).toBe(SIGILL);
    expect(counts.instructions + counts.reflected).toBe(before);
  });

  it('passes instructions to its own handler when the emulator stops answering, and is served again later', async () => {
    guest = await bootLinux(new StubService(), extended, { patienceMs: 300 });
    guest.poller.remove(guest.attachment);
    expect((await guest.console.run('pqap')).status).toBe(SIGILL);
    expect((await guest.console.run('pqap')).status).toBe(SIGILL);
    expect(guest.attachment.loop.counts.programInterruptions).toBe(0);
    guest.poller.add(guest.attachment);
    await guest.sh('sleep 1');
    await guest.sh('rsa-test 5 1 mex-1024');
    expect(guest.lines.join('\n')).toContain('gave up waiting');
  });

  const reboots = kernel === '6.12';
  if (!reboots) {
    console.info(
      `skipped: reboot of ${kernel}, which does not come back with -kernel, served or not`,
    );
  }
  it.runIf(reboots)('is attached anew after a reboot, with its queues reset', async () => {
    const service = new StubService();
    guest = await bootLinux(service, extended, { cpus: 2, reboot: true });
    await guest.sh('rsa-test 5 1 mex-1024');
    guest.console.restart();
    guest.qemu!.input!.write('reboot -f\n');
    await guest.console.ready(BOOT_MS);
    await guest.sh('rsa-test 5 1 mex-1024');
    expect(service.resets).toBe(1);
    expect(await guest.sh('lszcrypt')).toContain('06.00ab');
  });

  it('powers off without a restart reaching a stopped CPU', async () => {
    const service = new StubService();
    guest = await bootLinux(service, extended, { cpus: 2 });
    service.pending = 0x80000000; // an ISC that Linux never enables: there is always something to deliver
    guest.qemu!.input!.write('poweroff -f\n');
    await guest.ended;
    expect((await guest.qemu!.ended).status).toBe(0);
  });
});

describe('attaching', () => {
  it('to a monitor nobody listens on says how to start QEMU', async () => {
    const { Poller } = await import('../../src/qemu/poller.ts');
    const attaching = attachGuest(new StubService(), new Poller(), '/nonexistent/qmp');
    await expect(attaching).rejects.toThrow('-qmp unix:');
  });
});
