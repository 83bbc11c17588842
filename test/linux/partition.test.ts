// SPDX-License-Identifier: Apache-2.0
// A stock kernel as the partition's own: every card and domain, and its AP bus's masks. Two guests side by side.

import { describe, expect, it } from 'vitest';
import { shellSession } from '../../src/cli/shell-session.ts';
import { configFromObject } from '../../src/config/load.ts';
import { formatDemo, runDemo } from '../../src/qemu/demo.ts';
import { createLparMachine } from '../../src/qemu/guest-machine.ts';
import { bootLinux } from './support/guest.ts';
import { imageOrReason } from './support/requirements.ts';
import { twoGuests } from './support/two-guests.ts';

const image = await imageOrReason('6.12');
const old = await imageOrReason('6.1');

const PARTITION = {
  apemu: 1,
  machine: {
    profile: 'z16',
    adapters: {
      1: { type: 'CEX8', mode: 'cca' },
      2: { type: 'CEX8', mode: 'accelerator' },
      3: { type: 'CEX7', mode: 'ep11' },
      10: { type: 'CEX7', mode: 'accelerator', service: { model: 'fixed', time: '2ms' } },
    },
    usageDomains: [0x04, 0x47, 0xab, 0xff],
    controlDomains: [0x04, 0x47, 0xab, 0xff],
  },
};

const QUEUES = ['01', '02', '03', '0a'].flatMap((card) => [
  card,
  ...['0004', '0047', '00ab', '00ff'].map((domain) => `${card}.${domain}`),
]);

const QUEUES_OF_02 = QUEUES.filter((name) => name.startsWith('02.'));

/** Writes each event of the kernel as a line; its own lines do not wait in a buffer. */
const LISTEN = `perl -e '$| = 1; socket(S, 16, 2, 15); bind(S, pack("SSLL", 16, 0, 0, 1)); while (sysread(S, $_, 8192)) { s/\\0/ /g; print "$_\\n" }'`;

describe.each(
  [
    ['6.1', old],
    ['6.12', image],
  ].filter(([, found]) => found !== undefined) as [string, NonNullable<typeof image>][],
)('--lpar with kernel %s', (_kernel, found) => {
  it('lists four adapters with four domains each, and its masks can be written', async () => {
    const { machine, service } = await createLparMachine(configFromObject(PARTITION).config);
    const guest = await bootLinux(service, found, { cpus: 2, serviceCalls: true });
    try {
      const table = await guest.sh('lszcrypt');
      const names = table
        .trim()
        .split('\n')
        .slice(2)
        .map((line) => line.split(' ')[0]);
      expect(names).toEqual(QUEUES);
      await guest.sh('rsa-test 60 3 mex-1024');
      await guest.sh('cat /sys/devices/ap/card03/API_ordinalnr | grep 4');
      await guest.sh('echo -1,-3 > /sys/bus/ap/apmask');
      expect(await guest.sh('cat /sys/bus/ap/apmask')).toMatch(/^0xaf(f){62}$/m);
      await guest.sh('echo -0x47 > /sys/bus/ap/aqmask');
      await guest.sh('rsa-test 20 1 mex-1024');
      const bound = await guest.sh('ls /sys/bus/ap/drivers/cex4queue');
      expect(bound).toContain('02.0004');
      expect(guest.attachment.interruptions.counts.restart).toBeGreaterThan(0);

      const operator = shellSession(machine);
      const state = async (line: string) => {
        expect(await operator.run(line)).toBe('');
        await guest.sh('echo 1 > /sys/bus/ap/scans; sleep 1');
        return guest.sh('cat /sys/bus/ap/devices/card02/config');
      };
      expect(await state('lpar deconfigure 2')).toMatch(/^0$/m);
      expect(await state('lpar configure 2')).toMatch(/^1$/m);

      // The same from inside: by a command of the service processor, which takes note itself; the scan finds nothing new of the card.
      await guest.sh(`{ ${LISTEN} >> /tmp/events & }; sleep 1`);
      const configure = async (on: 0 | 1) => {
        await guest.sh(`echo ${on} > /sys/bus/ap/devices/card02/config`);
        expect(machine.partition.isDeconfigured(2)).toBe(on === 0);
        await guest.sh('echo 1 > /sys/bus/ap/scans; sleep 1');
        const told = await guest.sh('cat /tmp/events; : > /tmp/events');
        const key = new RegExp(` CONFIG=${on} `);
        return told.split('\n').flatMap((line) => (key.test(line) ? [line.split(' ', 1)[0]] : []));
      };
      const card = 'change@/devices/ap/card02';
      const told = [card, ...QUEUES_OF_02.map((queue) => `${card}/${queue}`)];
      expect(await configure(0)).toEqual(told);
      expect(await guest.sh('lszcrypt 02')).toMatch(/^02 .* deconfig /m);
      expect(await configure(1)).toEqual(told);
      // Once more: the service processor has nothing to do, and says so.
      expect(await configure(1)).toEqual([card]);
    } finally {
      await guest.close();
      machine.close();
    }
  });
});

describe.skipIf(image === undefined)('the documentation’s two guests side by side', () => {
  it('each see their own queues and nothing else', async () => {
    const { config } = configFromObject(twoGuests());
    const outputs = await runDemo(config, image!);
    const queues = [...outputs].map(([name, text]) => [
      name,
      ...text
        .trim()
        .split('\n')
        .slice(2)
        .map((line) => line.split(/\s+/).slice(0, 3).join(' ')),
    ]);
    expect(queues).toEqual([
      [
        'Guest1',
        '05 CEX8C CCA-Coproc',
        '05.0004 CEX8C CCA-Coproc',
        '05.00ab CEX8C CCA-Coproc',
        '06 CEX8A Accelerator',
        '06.0004 CEX8A Accelerator',
        '06.00ab CEX8A Accelerator',
      ],
      ['Guest2', '05 CEX8C CCA-Coproc', '05.0047 CEX8C CCA-Coproc', '05.00ff CEX8C CCA-Coproc'],
    ]);
    expect(formatDemo(outputs)).toMatch(/^Guest1: lszcrypt -V\nCARD/);
  });
});
