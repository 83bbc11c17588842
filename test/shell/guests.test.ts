// SPDX-License-Identifier: Apache-2.0
// Guests from the shell: start, hot plug, removal while in use, save and restore, faults and the operator.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfigFile } from '../../src/config/load.ts';
import { Machine } from '../../src/host/machine/machine.ts';
import { sh, TestShell, withShell } from './support.ts';

const MATRIX = '/sys/devices/vfio_ap/matrix';
const G1 = '00000000-0000-4000-8000-000000000001';

const rows = (text: string): string[] =>
  text
    .split('\n')
    .slice(2)
    .filter((line) => line !== '')
    .map((line) => line.trimEnd());

describe('a deconfigured card', () => {
  it('is one row, on the host and in its guest, and of the release that is asked for', async () => {
    await withShell(async (shell) => {
      await shell.out('guest start Guest1; lpar deconfigure 5; clock advance 60s > /dev/null');
      const host = await shell.out('lszcrypt -V 05');
      const guest = await shell.out('guest lszcrypt Guest1 -V 05');
      const [own, inner] = [host, guest].map((text) => text.split('\n')[2].slice(0, 89));
      expect(own).toBe(
        '05       CEX8C CCA-Coproc  deconfig          -        -     14     09 S--D--N-F- cex4card',
      );
      expect(inner).toBe(own);
    });
  });
});

describe('a guest', () => {
  it('is started with its devices found, shows them itself, and gives them back when it is stopped', async () => {
    await withShell(async (shell) => {
      await shell.out('guest start Guest1');
      expect(await shell.out('guest lszcrypt Guest1')).toBe(
        `CARD.DOM TYPE  MODE        STATUS     REQUESTS
----------------------------------------------
05       CEX8C CCA-Coproc  online            0
05.0004  CEX8C CCA-Coproc  online            0
05.00ab  CEX8C CCA-Coproc  online            0
06       CEX8A Accelerator online            0
06.0004  CEX8A Accelerator online            0
06.00ab  CEX8A Accelerator online            0
`,
      );
      expect(await shell.out('guest list | grep Guest1')).toMatch(/running/);
      await shell.out('clock run > /dev/null');
      const used = await shell.out('guest lszcrypt Guest1 -V | grep 05.0004');
      expect(used).toMatch(/^05\.0004 {2}CEX8C CCA-Coproc {2}online {12}2 /);
      const statistics = await shell.out('guest statistics Guest1');
      expect(statistics).toMatch(/^program +ap-bus$/m);
      expect(statistics).toMatch(/^interruptions +[1-9]\d*$/m);
      await shell.out('guest stop Guest1');
      expect(await shell.out('cat /sys/bus/ap/devices/05.0004/status')).toBe('assigned\n');
      expect((await shell.run('guest lszcrypt Guest1')).err).toBe('guest: Guest1 is not running\n');
      await shell.out('guest start Guest1');
      expect(rows(await shell.out('guest lszcrypt Guest1'))).toHaveLength(6);
    });
  });

  it('sees a hot plugged domain at its next scan, and loses an unplugged adapter', async () => {
    await withShell(async (shell) => {
      await shell.out(`guest start Guest2
        echo 0xab > ${MATRIX}/$Guest1/unassign_domain
        echo 0xab > ${MATRIX}/$Guest2/assign_domain`);
      expect(rows(await shell.out('guest lszcrypt Guest2'))).toHaveLength(3);
      await shell.out('sleep 31');
      expect(
        rows(await shell.out('guest lszcrypt Guest2')).map((row) => row.slice(0, 7).trim()),
      ).toEqual(['05', '05.0047', '05.00ab', '05.00ff']);
      await shell.out(`echo 5 > ${MATRIX}/$Guest2/unassign_adapter; sleep 31`);
      expect((await shell.run('guest lszcrypt Guest2')).err).toBe(
        'lszcrypt: No crypto card devices found.\n',
      );
    });
  });

  it('is refused where it runs already, its mdev is another guest’s, or is not there', async () => {
    await withShell(async (shell) => {
      await shell.out('guest start Guest1');
      expect((await shell.run('guest start Guest1')).err).toBe(
        'guest: Guest1 is running already\n',
      );
      await shell.out('guest detach Guest2');
      expect((await shell.run('guest start Guest2 $Guest1')).err).toBe(
        `guest: Guest2: ${MATRIX}/${G1}: Device or resource busy\n`,
      );
      expect((await shell.run('guest start Guest2 12345678-1234-1234-1234-123456789abc')).err).toBe(
        `guest: Guest2: ${MATRIX}/12345678-1234-1234-1234-123456789abc: No such device\n`,
      );
      expect((await shell.run('guest detach Guest2')).err).toBe('guest: Guest2 is not attached\n');
      await shell.out(`guest attach Guest2 sysfsdev=/sys/bus/mdev/devices/$Guest2`);
    });
  });
});

describe('removal of an mdev in use', () => {
  const remove = `echo 1 > ${MATRIX}/$Guest1/remove`;
  const job = `echo 1 > ${MATRIX}/${G1}/remove`;

  it('is still running, and ends by itself when its guest lets go', async () => {
    expect(
      await sh(`set -e; ${remove}; jobs; guest detach Guest1; jobs; ls -d ${MATRIX}/$Guest1`),
    ).toEqual({
      out: `[1] still running: ${job}\n`,
      err: `[1] still running: ${job} (wait collects it)\n[1] done: ${job}\nls: cannot access '${MATRIX}/${G1}': No such file or directory\n`,
      status: 2,
    });
  });

  it('is not ended by wait while the guest has it', async () => {
    const { out, err, status } = await sh(`${remove} 2>/dev/null; wait; echo $?; ${remove}`);
    expect(out).toBe('1\n');
    expect(err).toBe(
      `[1] still running: ${job}\nbash: echo: write error: Resource temporarily unavailable\n`,
    );
    expect(status).toBe(1);
  });

  it('is the same for mdevctl stop', async () => {
    const { err } = await sh('mdevctl stop -u $Guest1; guest detach Guest1');
    expect(err).toBe(
      `[1] still running: mdevctl stop -u ${G1} (wait collects it)\n[1] done: mdevctl stop -u ${G1}\n`,
    );
  });
});

describe('save and restore', () => {
  it('bring back masks, mdevs, guests and time, and go on as if nothing had been', async () => {
    await withShell(async (shell) => {
      await shell.out('guest start Guest1; clock run > /dev/null; save /tmp/m');
      const look = `clock; guest list; guest lszcrypt Guest1 -V; cat ${MATRIX}/$Guest2/matrix; sleep 40; guest lszcrypt Guest1 -V; clock`;
      const before = await shell.out(look);
      await shell.out(
        `guest stop Guest1; guest detach Guest2; echo 1 > ${MATRIX}/$Guest2/remove; restore /tmp/m`,
      );
      expect(await shell.out(look)).toBe(before);
    });
  });

  it('keep a guest on the mdev it was given, whatever its UUID', async () => {
    await withShell(
      async (shell) => {
        await shell.out(`echo -5 > /sys/bus/ap/apmask
          u=$(uuidgen); echo $u > ${MATRIX}/mdev_supported_types/vfio_ap-passthrough/create
          echo 5 > ${MATRIX}/$u/assign_adapter; echo 4 > ${MATRIX}/$u/assign_domain
          guest start Guest1 $u; save /tmp/m; restore /tmp/m`);
        expect(await shell.out('guest list | grep Guest1 | grep -c $u')).toBe('1\n');
        await shell.out(`guest stop Guest1; echo 1 > ${MATRIX}/$u/remove`);
        expect((await shell.run(`ls ${MATRIX}/$u`)).status).toBe(2);
      },
      { bare: true },
    );
  });

  it('are refused while an mdev waits for its removal', async () => {
    const { err } = await sh(`echo 1 > ${MATRIX}/$Guest1/remove 2> /dev/null; save /tmp/m`);
    expect(err).toBe(`save: a host operation is under way: mdev ${G1} is being removed\n`);
  });

  it('refuse a file that is no machine, and go on with the one there is', async () => {
    const { out, err } = await sh('echo no > /tmp/m; restore /tmp/m; guest list | wc -l');
    expect(err).toBe('restore: this is no saved machine (expected a file written by `save`)\n');
    expect(out).toBe('3\n');
  });
});

describe('operator and faults', () => {
  it('change what host and guest see', async () => {
    await withShell(async (shell) => {
      await shell.out('lpar deconfigure 0x05; lpar checkstop 6; sleep 31');
      const seen = await shell.out('lszcrypt --cardonly');
      expect(rows(seen)).toEqual([
        '05       CEX8C CCA-Coproc  deconfig          -',
        '06       CEX8A Accelerator chkstop           0',
      ]);
      await shell.out('lpar configure 5; lpar recover 6; sleep 31');
      expect(rows(await shell.out('lszcrypt --cardonly')).join()).not.toMatch(/deconfig|chkstop/);
    });
  });

  it('a fault answers a guest’s instruction', async () => {
    const out = await withShell(async (shell) => {
      await shell.out('fault Guest1 on=tapq rc=05 count=1; guest start Guest1; fault clear');
      return shell.out('guest list | grep -c running');
    });
    expect(out).toBe('1\n');
  });
});

describe("the documentation's example (S4-22 to S4-27)", () => {
  const runExample = async (script: string, kernel: 'current' | 'doc-v6') => {
    const { config } = loadConfigFile('examples/two-guests.yaml');
    const host = { ...config.host, apmask: undefined, kernel };
    const machine = await Machine.create({ ...config, host }, { bare: true });
    const test = new TestShell(machine);
    try {
      return await test.run(readFileSync(`examples/${script}`, 'utf8'));
    } finally {
      test.shell.close();
    }
  };

  const GUEST1 = `05       CEX8C CCA-Coproc  online            0
05.0004  CEX8C CCA-Coproc  online            0
05.00ab  CEX8C CCA-Coproc  online            0
06       CEX8A Accelerator online            0
06.0004  CEX8A Accelerator online            0
06.00ab  CEX8A Accelerator online            0
`;
  const GUEST2 = `05       CEX8C CCA-Coproc  online            0
05.0047  CEX8C CCA-Coproc  online            0
05.00ff  CEX8C CCA-Coproc  online            0
`;

  it('runs as typed today: masks, two guests, removal, Example 1 valid and Example 2 EADDRINUSE', async () => {
    const { out, err, status } = await runExample('vfio-ap-doc.sh', 'current');
    expect(status).toBe(0);
    expect(out).toContain('05.0004\n05.00ab\n06.0004\n06.00ab\n##');
    expect(out).toContain('05.0047\n05.00ff\n##');
    expect(out).toContain(GUEST1);
    expect(out).toContain(GUEST2);
    expect(out).toContain("05.00ab is Guest1's: status 1\n");
    expect(out).toContain('01.0005\n01.0006\n02.0005\n02.0006\n01.0007\n02.0007\n');
    expect(out).toMatch(
      /Userspace may not assign queue 01\.0006 to mdev: already assigned to \S+\n$/,
    );
    expect(err.split('\n').map((line) => line.replace(/\S+-\S+/g, 'UUID'))).toEqual([
      'bash: echo: write error: No such device',
      'bash: echo: write error: Address already in use',
      '[1] still running: echo 1 > UUID (wait collects it)',
      '[1] done: echo 1 > UUID',
      'bash: echo: write error: Address already in use',
      '',
    ]);
  });

  it('runs as the first version had it: every queue unbound and bound by hand', async () => {
    const { out, err, status } = await runExample('vfio-ap-doc-v6.sh', 'doc-v6');
    expect({ err, status }).toEqual({ err: '', status: 0 });
    expect(out).toContain('05.0004\n05.00ab\n06.0004\n06.00ab\n05.0047\n05.00ff\n');
    expect(out).toContain(GUEST1);
    expect(out).toContain(GUEST2);
    expect(out).toMatch(/06\.00ff {2}CEX8A Accelerator online {12}0\n$/);
  });

  it('by hand is refused on a current kernel', async () => {
    const { err, status } = await runExample('vfio-ap-doc-v6.sh', 'current');
    expect({ err, status }).toEqual({
      err: 'bash: echo: write error: No such device\n',
      status: 1,
    });
  });
});
