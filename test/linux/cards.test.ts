// SPDX-License-Identifier: Apache-2.0
// The documentation's Guest1 under a stock kernel, served by the real machine: what its tools and its applications see.

import { afterEach, describe, expect, it } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import type { Machine } from '../../src/host/machine/machine.ts';
import { createQemuMachine, type QemuMachine } from '../../src/qemu/guest-machine.ts';
import { Shell } from '../../src/shell/shell.ts';
import type { TraceRecord } from '../../src/trace/record.ts';
import { bootLinux, shared, type TestGuest } from './support/guest.ts';
import { sendRequests } from './support/requests.ts';
import { imageOrReason } from './support/requirements.ts';
import { twoGuests } from './support/two-guests.ts';

const kernels = await Promise.all(
  (['6.1', '6.12'] as const).map(async (name) => [name, await imageOrReason(name)] as const),
);
const images = kernels.flatMap(([kernel, image]) =>
  image === undefined ? [] : [{ kernel, image }],
);
/** Requests of the commonest of guests, and of the others; a multiple of 200. */
const MANY = 10_000;
const SOME = 2_000;

const variants = images.flatMap(({ kernel, image }) =>
  ([1, 2] as const).flatMap((cpus) =>
    [true, false].map((interrupts) => ({
      kernel,
      image,
      cpus,
      interrupts,
      how: interrupts ? 'interruptions' : 'polling',
      requests: cpus === 2 && interrupts ? MANY : SOME,
    })),
  ),
);

/** Boot and requests: less than a minute on two free cores. */
const VARIANT_MS = 900_000;

/** Rows of lszcrypt as columns; the heading and the line under it are left out. */
function rows(text: string): string[][] {
  return text
    .trim()
    .split('\n')
    .slice(2)
    .map((line) => line.trim().split(/\s+/));
}

describe.each(variants)(
  'kernel $kernel, $cpus CPUs, $how',
  ({ image, cpus, interrupts, requests }) => {
    let guest: TestGuest;
    let qemu: QemuMachine;
    afterEach(async () => {
      await guest?.close();
      qemu?.machine.close();
    });

    it(
      `sees its cards and queues, and gets ${requests} right results for four processes`,
      async () => {
        const trace: TraceRecord[] = [];
        const { config } = configFromObject(twoGuests());
        qemu = await createQemuMachine(config, ['Guest1'], {
          onTrace: (records) => trace.push(...records),
        });
        guest = await bootLinux(qemu.service('Guest1'), image, { cpus, interrupts });

        const table = rows(await guest.sh('lszcrypt -V'));
        expect(table.map(([name, type, mode, state]) => [name, type, mode, state])).toEqual([
          ['05', 'CEX8C', 'CCA-Coproc', 'online'],
          ['05.0004', 'CEX8C', 'CCA-Coproc', 'online'],
          ['05.00ab', 'CEX8C', 'CCA-Coproc', 'online'],
          ['06', 'CEX8A', 'Accelerator', 'online'],
          ['06.0004', 'CEX8A', 'Accelerator', 'online'],
          ['06.00ab', 'CEX8A', 'Accelerator', 'online'],
        ]);
        const bus = await guest.sh('lszcrypt -b');
        expect(bus).toContain('ap_domain=0x4');
        expect(bus).toContain(interrupts ? 'interrupts are enabled' : 'interrupts are disabled');
        // The older suite's lszcrypt does not know what a CEX8 can do, and says so.
        const unknown =
          'Detailed capability information for card0\\d \\(hardware type 14\\) is not available';
        expect(await guest.sh('lszcrypt -c 05')).toMatch(new RegExp(`CCA Secure Key|${unknown}`));
        expect(await guest.sh('lszcrypt -c 06')).toMatch(new RegExp(`RSA .*Clear Key|${unknown}`));
        expect(await guest.sh('lszcrypt -d')).toMatch(/^ +00 ( \. ){4} [UB] /m);

        await sendRequests(guest, requests);
        expect(await guest.sh('cat /sys/devices/ap/card05/serialnr')).toMatch(/^[0-9A-Z]{8}\n/);
        const keys = await guest.sh('cat /sys/devices/ap/card05/05.0004/mkvps');
        expect(keys).toMatch(/^AES CUR: valid 0x[0-9a-f]{16}$/m);
        expect(await guest.sh('head -c 16 /dev/hwrng | wc -c')).toBe('16\n');
        expect(await guest.sh('cat /sys/class/misc/hw_random/rng_current')).toBe('zcrypt\n');
        const support = await guest.sh('icainfo-cex');
        expect(support).toMatch(/RSA ME \| +yes/);
        expect(support).toMatch(/RSA CRT \| +yes/);

        const line = await guest.sh('grep APB /proc/interrupts || true');
        const count = line
          .split(/\s+/)
          .slice(1, 1 + cpus)
          .reduce((sum, n) => sum + Number(n || 0), 0);
        if (interrupts) expect(count).toBeGreaterThan(20);
        else expect(count).toBe(0);
        expect(await guest.sh('dmesg | grep -iE "oops|BUG:|WARNING:|stall" || true')).toBe('');
        expect(guest.attachment.loop.counts.programInterruptions).toBe(0);
        qemu.machine.trace?.flush();
        const done = new Set(
          trace.filter(({ rc }) => rc === 0).map(({ instruction }) => instruction),
        );
        expect([done.has('NQAP'), done.has('AQIC')]).toEqual([true, interrupts]);
      },
      VARIANT_MS,
    );
  },
);

/** What zcrypt answers for a request whose queue has gone. */
const ENODEV = 19;

/** A line of the administrator's shell. Returns what it prints. */
async function administer(machine: Machine, line: string): Promise<string> {
  let text = '';
  const take = (part: string) => {
    text += part;
  };
  await new Shell(machine, { out: take, err: take }).run(`${line}\n`);
  return text;
}

describe.each(images)(
  'the machine beside a running guest with kernel $kernel',
  ({ kernel, image }) => {
    const running = shared(async () => {
      const qemu = await createQemuMachine(configFromObject(twoGuests()).config, ['Guest1']);
      const guest = await bootLinux(qemu.service('Guest1'), image, { cpus: 2 });
      const close = async () => {
        await guest.close();
        qemu.machine.close();
      };
      return { machine: qemu.machine, guest, close };
    });

    it('unplugs and plugs card 06 while RSA runs, and the guest follows at its next scan', async () => {
      const { machine, guest } = await running();
      const path = `/sys/devices/vfio_ap/matrix/${machine.guest('Guest1').uuid}`;
      const requests = 1_000;
      await guest.sh('dmesg -c > /dev/null');
      await guest.sh(`{ rsa-test ${requests} 1 mex-1024 > /tmp/rsa.txt 2>&1 & }`);
      expect(await administer(machine, `echo 6 > ${path}/unassign_adapter`)).toBe('');
      await guest.sh('echo 1 > /sys/bus/ap/scans; sleep 1');
      expect(await guest.sh('lszcrypt')).not.toContain('06');
      expect(await administer(machine, `echo 6 > ${path}/assign_adapter`)).toBe('');
      await guest.sh('echo 1 > /sys/bus/ap/scans; sleep 2');
      expect(await guest.sh('lszcrypt')).toContain('06.00ab');
      const ended = await guest.sh('wait; cat /tmp/rsa.txt', 120_000);
      const [, right, wrong, others] = /right=(\d+) wrong=(\d+) (.*)/.exec(ended) ?? [];
      expect([wrong, others]).toEqual([
        '0',
        expect.stringMatching(new RegExp(`^(errno${ENODEV}=\\d+)?$`)),
      ]);
      const failed = Number(/=(\d+)/.exec(others ?? '')?.[1] ?? 0);
      expect(Number(right) + failed).toBe(requests);
      await guest.sh('rsa-test 20 1 mex-1024');
      // Of each change the kernel is told by a channel report, and it says nothing else.
      const said = await guest.sh('dmesg | grep -v " ap: \\| zcrypt: " || true');
      const told = expect.stringMatching(/ crw_info : CRW reports .* rsc=B, /);
      expect(said.trim().split('\n')).toEqual([told, told]);
    });

    // Linux 6.1 has no state for a checkstopped card: requests go to other cards, and that is all one sees of it. An older lszcrypt
    // shows the state of later kernels as offline.
    it.each([
      ['deconfigured', 'deconfigure', 'configure', { '6.1': /^deconfig$/, '6.12': /^deconfig$/ }],
      [
        'checkstopped',
        'checkstop',
        'recover',
        { '6.1': /^online$/, '6.12': /^(chkstop|offline)$/ },
      ],
    ] as const)(
      'shows a card that is %s, works without it, and takes it back',
      async (_what, down, up, shown) => {
        const { machine, guest } = await running();
        const stateAfter = async (line: string) => {
          expect(await administer(machine, line)).toBe('');
          await guest.sh('echo 1 > /sys/bus/ap/scans; sleep 1');
          return rows(await guest.sh('lszcrypt -V')).find(([name]) => name === '06')?.[3];
        };
        expect(await stateAfter(`lpar ${down} 6`)).toMatch(shown[kernel]);
        await guest.sh('rsa-test 10 1 mex-1024');
        expect(await stateAfter(`lpar ${up} 6`)).toBe('online');
        const count = async () =>
          Number(await guest.sh('cat /sys/devices/ap/card06/request_count'));
        const before = await count();
        await guest.sh('rsa-test 100 1 mex-1024');
        expect(await count()).toBeGreaterThan(before);
      },
    );

    it('counts the RSA of openssl with libica', async () => {
      const { guest } = await running();
      const count = async () => Number(await guest.sh('cat /sys/devices/ap/card06/request_count'));
      const before = await count();
      await guest.sh('openssl speed -elapsed -engine ibmca -seconds 1 rsa1024 > /dev/null 2>&1');
      expect((await count()) - before).toBeGreaterThan(10);
      expect(await guest.sh('icastats')).toMatch(/RSA-ME \| +[1-9]/);
    });
  },
);
