// SPDX-License-Identifier: Apache-2.0
// A stock kernel is told of configuration changes: channel report, STCRW, CHSC, and its AP bus scans at once (issue 18, 4).
// Source: docs/reference/config-change.md sections 2 and 3.

import { describe, expect, it } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import { createQemuMachine } from '../../src/qemu/guest-machine.ts';
import { bootLinux, type TestGuest } from './support/guest.ts';
import { imageOrReason } from './support/requirements.ts';
import { twoGuests } from './support/two-guests.ts';

const images = await Promise.all(
  ['6.1', '6.12'].map(async (kernel) => [kernel, await imageOrReason(kernel)] as const),
);

/** The bus looks by itself after two minutes; waiting ends long before. */
const SCAN_SECONDS = 120;
const WAIT_SECONDS = 60;
/** Of one command, on a computer that has other things to do. */
const COMMAND_MS = 300_000;
const TEST_MS = 900_000;

const UPTIME = '$(cut -d. -f1 /proc/uptime)';
const waitFor = (condition: string): string =>
  `end=$((${UPTIME} + ${WAIT_SECONDS})); until ${condition} || [ ${UPTIME} -ge $end ]; do usleep 100000; done; ${condition}`;
const GONE = '[ ! -e /sys/bus/ap/devices/card06 ]';
const THERE = '[ -e /sys/bus/ap/devices/06.00ab ]';
/** Machine checks, as the kernel counts them. */
const CHECKS = "grep NMI: /proc/interrupts | tr -d ' ' | cut -d: -f2 | cut -d[ -f1";

const checks = async (guest: TestGuest): Promise<number> =>
  Number(/^\d+$/m.exec(await guest.sh(CHECKS))?.[0]);

const boot = async (image: NonNullable<(typeof images)[number][1]>, kernel: string) => {
  const { config } = configFromObject(twoGuests({ host: { apmask: '-5,-6', kernel } }));
  const { machine, service } = await createQemuMachine(config, ['Guest1']);
  const guest = await bootLinux(service('Guest1'), image);
  await guest.sh(`echo ${SCAN_SECONDS} > /sys/bus/ap/config_time`);
  const close = async () => {
    await guest.close();
    machine.close();
  };
  const matrix = `/sys/devices/vfio_ap/matrix/${machine.guest('Guest1').uuid}`;
  const change = (what: string) => expect(machine.write(`${matrix}/${what}`, '6')).toBe('ok');
  return { guest, machine, change, close };
};

describe.each(images)('a stock kernel %s', (_kernel, image) => {
  it.skipIf(image === undefined)(
    'scans at once when an adapter is taken away and given back, under load, with all results right',
    { timeout: TEST_MS },
    async () => {
      const { guest, change, close } = await boot(image!, 'current');
      try {
        const before = await checks(guest);
        expect(before).toBeGreaterThanOrEqual(0);
        await guest.sh('{ rsa-test 40 2 mex-1024 > /tmp/load 2>&1; echo end >> /tmp/load; } &');
        change('unassign_adapter');
        await guest.sh(waitFor(GONE), COMMAND_MS);
        change('assign_adapter');
        await guest.sh(waitFor(THERE), COMMAND_MS);
        expect(await checks(guest)).toBe(before + 2);
        await guest.sh('wait', COMMAND_MS);
        expect(await guest.sh('cat /tmp/load')).not.toContain('wrong=1');
        await guest.sh('rsa-test 20 2 mex-1024');
        expect(guest.lines.join('\n')).not.toContain('channel report');
      } finally {
        await close();
      }
    },
  );

  it.skipIf(image === undefined)(
    'is not told by a host before 6.15: it sees the change at its own next scan',
    { timeout: TEST_MS },
    async () => {
      const { guest, change, close } = await boot(image!, 'linux-6.12');
      try {
        const before = await checks(guest);
        change('unassign_adapter');
        await guest.sh('sleep 5');
        expect(await guest.sh('ls /sys/bus/ap/devices')).toContain('card06');
        expect(await checks(guest)).toBe(before);
        await guest.sh('echo 1 > /sys/bus/ap/scans');
        await guest.sh(waitFor(GONE), COMMAND_MS);
      } finally {
        await close();
      }
    },
  );
});
