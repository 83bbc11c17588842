// SPDX-License-Identifier: Apache-2.0
// The newest kernel that can be had, as a guest: boot, what lszcrypt shows, RSA, hot plug. One boot; the other files have what stable releases do.

import { describe, expect, it } from 'vitest';
import { shellSession } from '../../src/cli/shell-session.ts';
import { configFromObject } from '../../src/config/load.ts';
import { KERNEL_SERIES } from '../../src/qemu/guest-image/suites.ts';
import { createQemuMachine } from '../../src/qemu/guest-machine.ts';
import { bootLinux, shared } from './support/guest.ts';
import { newestImageOrReason } from './support/requirements.ts';
import { twoGuests } from './support/two-guests.ts';

/** Newer than what the other tests boot. */
const NEWEST = KERNEL_SERIES.toReversed().filter((series) => Number.parseInt(series, 10) >= 7);
const newest = await newestImageOrReason(NEWEST);

/** First columns of what lszcrypt prints, without the heading and the line under it. */
const rows = (text: string): string[] =>
  text
    .trim()
    .split('\n')
    .slice(2)
    .map((line) => line.trim().split(/\s+/).slice(0, 4).join(' '));

const CCA = ['05', '05.0004', '05.00ab'].map((name) => `${name} CEX8C CCA-Coproc online`);
const ACCELERATOR = ['06', '06.0004', '06.00ab'].map((name) => `${name} CEX8A Accelerator online`);

describe.skipIf(newest === undefined)(`kernel ${newest?.series}`, () => {
  const running = shared(async () => {
    const qemu = await createQemuMachine(configFromObject(twoGuests()).config, ['Guest1']);
    const guest = await bootLinux(qemu.service('Guest1'), newest!.image, { cpus: 2 });
    const operator = shellSession(qemu.machine);
    const close = async () => {
      await guest.close();
      qemu.machine.close();
    };
    /** What the operator does, and the guest's cards after its next scan. */
    const after = async (line: string) => {
      expect(await operator.run(line)).toBe('');
      await guest.sh('echo 1 > /sys/bus/ap/scans; sleep 1');
      return rows(await guest.sh('lszcrypt -V'));
    };
    return { machine: qemu.machine, guest, after, close };
  });

  it('boots and lists its cards and queues', async () => {
    const { guest } = await running();
    expect(await guest.sh('uname -r')).toContain(`${newest!.series}`);
    expect(rows(await guest.sh('lszcrypt -V'))).toEqual([...CCA, ...ACCELERATOR]);
    expect(await guest.sh('lszcrypt -b')).toContain('interrupts are enabled');
  });

  it('gets right results for RSA requests of two processes', async () => {
    const { guest } = await running();
    const said = await guest.sh('rsa-test 60 2');
    expect(said.match(/right=60 wrong=0/g)).toHaveLength(2);
  });

  it('follows hot unplug and plug of an adapter, and its deconfiguration', async () => {
    const { machine, guest, after } = await running();
    const path = `/sys/devices/vfio_ap/matrix/${machine.guest('Guest1').uuid}`;
    expect(await after(`echo 6 > ${path}/unassign_adapter`)).toEqual(CCA);
    expect(await after(`echo 6 > ${path}/assign_adapter`)).toEqual([...CCA, ...ACCELERATOR]);
    expect((await after('lpar deconfigure 6'))[3]).toBe('06 CEX8A Accelerator deconfig');
    expect((await after('lpar configure 6'))[3]).toBe('06 CEX8A Accelerator online');
    await guest.sh('rsa-test 20 1 mex-1024');
    expect(await guest.sh('dmesg | grep -iE "oops|BUG:|WARNING:|stall" || true')).toBe('');
  });
});
