// SPDX-License-Identifier: Apache-2.0
// Commands over the machine: exact output, messages and status, wrong inputs beside right ones.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are words of the shell.
import { describe, expect, it } from 'vitest';
import { type Ran, sh, sharedMachine, withShell } from './support.ts';

const shared = sharedMachine();
const MATRIX = '/sys/devices/vfio_ap/matrix';
const G1 = '00000000-0000-4000-8000-000000000001';
const G2 = '00000000-0000-4000-8000-000000000002';
const ok = (out: string): Ran => ({ out, err: '', status: 0 });

describe('reading what is there', () => {
  it.each([
    [`cat ${MATRIX}/$Guest1/matrix`, '05.0004\n05.00ab\n06.0004\n06.00ab\n'],
    [`cat ${MATRIX}/\${Guest2}/guest_matrix`, '05.0047\n05.00ff\n'],
    ['cat /sys/bus/ap/devices/card0[56]/type', 'CEX8C\nCEX8A\n'],
    [
      'echo /sys/bus/ap/devices/*.00ff',
      '/sys/bus/ap/devices/05.00ff /sys/bus/ap/devices/06.00ff\n',
    ],
    ['echo /sys/bus/ap/devices/*.0100 "/sys/*"', '/sys/bus/ap/devices/*.0100 /sys/*\n'],
    ['ls /sys/bus/ap/drivers', 'cex4card\ncex4queue\nvfio_ap\n'],
    ['ls -d /sys/bus/ap /sys', '/sys\n/sys/bus/ap\n'],
    ['ls -l /sys/bus/ap/apmask', '-rw-r--r-- 1 root root 4096 Jan  1 00:00 /sys/bus/ap/apmask\n'],
    [
      `ls -l ${MATRIX}/$Guest1/remove ${MATRIX}/$Guest1/matrix | cut -d ' ' -f 1`,
      '-r--r--r--\n--w-------\n',
    ],
    [
      'cd /sys/class/mdev_bus; ls -l',
      'total 0\nlrwxrwxrwx 1 root root 0 Jan  1 00:00 matrix -> ../../devices/vfio_ap/matrix\n',
    ],
    ['readlink /sys/bus/ap/devices/05.0004', '../../../devices/ap/card05/05.0004\n'],
    ['readlink -f /sys/bus/ap/devices/05.0004', '/sys/devices/ap/card05/05.0004\n'],
    [
      'tree -d /sys/class',
      [
        '/sys/class',
        '|-- mdev_bus',
        '|   `-- matrix -> ../../devices/vfio_ap/matrix',
        '|-- misc',
        '|   |-- hw_random -> ../../devices/virtual/misc/hw_random',
        '|   |-- pkey -> ../../devices/virtual/misc/pkey',
        '|   |-- vfio -> ../../devices/virtual/misc/vfio',
        '|   `-- z90crypt -> ../../devices/virtual/misc/z90crypt',
        '|-- vfio',
        '|   |-- 0 -> ../../devices/virtual/vfio/0',
        '|   `-- 1 -> ../../devices/virtual/vfio/1',
        '|-- vfio-dev',
        `|   |-- vfio0 -> ../../devices/vfio_ap/matrix/${G1}/vfio-dev/vfio0`,
        `|   \`-- vfio1 -> ../../devices/vfio_ap/matrix/${G2}/vfio-dev/vfio1`,
        '`-- zcrypt',
        '',
        '14 directories',
        '',
      ].join('\n'),
    ],
    [
      'find /sys/devices/ap -maxdepth 1 -name "card*"',
      '/sys/devices/ap/card05\n/sys/devices/ap/card06\n',
    ],
    ['find /sys/devices/ap -name "*.0004" -type d | wc -l', '2\n'],
    [
      'cd /sys/bus/ap; cat ap_interrupts; pwd; cd ..; pwd; cd -',
      '1\n/sys/bus/ap\n/sys/bus\n/sys/bus/ap\n',
    ],
    ['cd /sys/bus/ap/devices/05.0004; cat ../type', 'CEX8C\n'],
    ['grep -r CEX8A /sys/devices/ap', '/sys/devices/ap/card06/type:CEX8A\n'],
    ['grep -c . /sys/bus/ap/features', '1\n'],
    [
      '[ -w /sys/bus/ap/apmask ] && [ ! -w /sys/bus/ap/features ] && [ -L /sys/bus/ap/devices/card05 ]; echo $?',
      '0\n',
    ],
    [
      'lszdev',
      'ATTRIBUTE  ACTIVE                PERSISTENT\napmask     0-4,7-255             0-255\naqmask     0-255                 0-255\n',
    ],
    ['mdevctl list', `${G1} matrix vfio_ap-passthrough\n${G2} matrix vfio_ap-passthrough\n`],
    [
      'mdevctl types | tail -n 2',
      '    Device API: vfio-ap\n    Name: VFIO AP Passthrough Device\n',
    ],
    [
      'ap-check -t vfio_ap-passthrough -e get -a attributes -u $Guest2 -p matrix',
      '[{"assign_adapter":"5"},{"assign_domain":"71"},{"assign_domain":"255"}]\n',
    ],
    ['ap-check -t other -e get -a attributes -u $Guest2 -p matrix; echo $?', '2\n'],
    ['lszcrypt --queueonly -V | cut -c 1-37 | grep "in use" | wc -l', '6\n'],
    [
      'lpar | head -n 1',
      'configure apid              SCLP configure: the adapter leaves standby\n',
    ],
    [
      'guest list',
      `NAME    STATE     MDEV                                  PROGRAM\nGuest1  attached  ${G1}  ap-bus\nGuest2  attached  ${G2}  ap-bus\n`,
    ],
  ])('%s', async (script, out) => {
    expect(await shared.sh(script)).toEqual(ok(out));
  });

  it('shows lszcrypt -V with its columns in 104', async () => {
    const { out } = await shared.sh('lszcrypt -V 05');
    expect(out.split('\n')[0]).toHaveLength(104);
  });
});

describe('what is refused says why, as bash and the programs say it', () => {
  it.each([
    [
      `echo 0xab > ${MATRIX}/$Guest2/assign_domain`,
      'bash: echo: write error: Address already in use',
    ],
    [`echo 300 > ${MATRIX}/$Guest2/assign_adapter`, 'bash: echo: write error: No such device'],
    [`echo x > ${MATRIX}/$Guest2/assign_adapter`, 'bash: echo: write error: Invalid argument'],
    [`echo 1 > ${MATRIX}/$Guest2/assign_domain`, undefined],
    ['echo +5 > /sys/bus/ap/apmask', 'bash: echo: write error: Device or resource busy'],
    [`printf 5 > ${MATRIX}/$Guest2/matrix`, `bash: ${MATRIX}/${G2}/matrix: Permission denied`],
    ['echo a > /sys/bus/ap/newfile', 'bash: /sys/bus/ap/newfile: Permission denied'],
    ['echo a > /sys/nope/newfile', 'bash: /sys/nope/newfile: No such file or directory'],
    ['echo a > /sys/bus/ap', 'bash: /sys/bus/ap: Is a directory'],
    [`uuidgen > ${MATRIX}/features`, `bash: ${MATRIX}/features: Permission denied`],
    [`cat ${MATRIX}/$Guest1/remove`, `cat: ${MATRIX}/${G1}/remove: Permission denied`],
    ['cat /sys/nope', 'cat: /sys/nope: No such file or directory'],
    ['cat /sys/bus', 'cat: /sys/bus: Is a directory'],
    ['cat /sys/bus/ap/apmask/x', 'cat: /sys/bus/ap/apmask/x: Not a directory'],
    ['cd /sys/nope', 'bash: cd: /sys/nope: No such file or directory'],
    ['cd /sys/bus/ap/apmask', 'bash: cd: /sys/bus/ap/apmask: Not a directory'],
    [
      `echo ${G1} | tee ${MATRIX}/mdev_supported_types/vfio_ap-passthrough/create > /dev/null`,
      `tee: ${MATRIX}/mdev_supported_types/vfio_ap-passthrough/create: File exists`,
    ],
    [
      `cat /sys/bus/ap/apmask > ${MATRIX}/$Guest1/assign_adapter`,
      'cat: write error: Numerical result out of range',
    ],
    ['find /sys/nope', 'find: ‘/sys/nope’: No such file or directory'],
    ['lszcrypt -c 7', 'lszcrypt: Error - cryptographic device card07 does not exist.'],
    [
      'lszcrypt --nope',
      "lszcrypt: Invalid option '--nope'\nTry 'lszcrypt --help' for more information.",
    ],
    ['chzcrypt -e 09', 'chzcrypt: Error - cryptographic device card09 does not exist.'],
    [
      'chzcrypt',
      "chzcrypt: Error - missing argument.\nTry 'chzcrypt --help' for more information.",
    ],
    ['mdevctl define', 'No type specified'],
    ['ap-check -e now', "ap-check: unknown event 'now'"],
    ['uuidgen --sha1', "uuidgen: unrecognized option '--sha1'"],
    ['chzdev --type ap apmask=300', 'chzdev: Invalid value for apmask: 300'],
    ['chzdev --type ap apmask=1,+2', 'chzdev: Invalid value for apmask: 1,+2'],
    ['chzdev --type ap apmask=0-255', `chzdev: apmask conflicts with mdev ${G1} APQN 5.4`],
    ['chzdev apmask=1', 'chzdev: Unknown device type:  (expected --type ap)'],
    ['chzdev --type ap', 'chzdev: No settings specified'],
    ['sleep', 'sleep: missing operand'],
    ['sleep x', 'sleep: invalid time interval ‘x’'],
    ['guest start Guest9', 'guest: there is no guest Guest9 (expected one of Guest1, Guest2)'],
    ['guest stop Guest9', 'guest: there is no guest Guest9 (expected one of Guest1, Guest2)'],
    ['guest lszcrypt Guest1', 'guest: Guest1 is not running'],
    ['guest attach Guest1', `guest: Guest1: ${MATRIX}/${G1}: Device or resource busy`],
    [
      'lpar configure 0x300',
      'lpar: configure got 0x300 (expected an adapter number, 0 to 255, decimal, or hexadecimal with 0x)',
    ],
    ['lpar configure 9', 'lpar: configure 9: No such device'],
    ['lpar add-adapter 5', 'lpar: add-adapter 5: File exists'],
    ['lpar confgure 5', /^lpar: unknown operation confgure, did you mean configure\?/],
    ['fault 06.0004 on=dqap', /^fault: a fault has 0 effects/],
    ['fault Guest9 rc=05', 'fault: there is no guest Guest9 (expected one of Guest1, Guest2)'],
    ['restore /tmp/nope', 'restore: /tmp/nope: No such file or directory'],
    ['save /nope/x', 'save: /nope/x: No such file or directory'],
    ['export-sysfs /tmp/x', "export-sysfs: the computer's files were not given (--host-files)"],
    ['help nope', 'help: no command nope'],
    ['wait 3', 'bash: wait: 3: no such job'],
  ])('%s', async (script, message) => {
    const { out, err, status } = await shared.sh(script);
    if (message === undefined) expect({ out, err, status }).toEqual(ok(''));
    else {
      if (typeof message === 'string') expect(err).toBe(`${message}\n`);
      else expect(err).toMatch(message);
      expect(status).toBe(script.startsWith('wait') ? 127 : 1);
      expect(out).toBe('');
    }
  });

  it.each([
    ['guest', 'usage: guest list |'],
    ['guest start', 'usage: guest list |'],
    ['guest dance Guest1', 'usage: guest list |'],
    ['clock fast', 'usage: clock'],
    ['clock advance', 'usage: clock'],
    ['clock advance soon', 'usage: clock'],
    ['save', 'usage: save FILE'],
    ['restore a b', 'usage: restore FILE'],
    ['dmesg --ring none', 'usage: dmesg'],
    ['uevents x', 'usage: uevents'],
    ['mdevctl', 'usage: mdevctl'],
  ])('%s shows how it is used, status 2', async (script, usage) => {
    const { err, status } = await shared.sh(script);
    if (script === 'guest') return expect(status).toBe(0);
    expect(err.startsWith(usage)).toBe(true);
    expect(status).toBe(2);
  });
});

describe('one write(2) is one operation', () => {
  it('so echo -e of two lines is two writes, and the first failure does not keep the second', async () => {
    const { out, err } = await sh(
      `echo -e "999\\n0x47" > ${MATRIX}/$Guest1/unassign_domain; echo -e "300\\n0xff" > ${MATRIX}/$Guest1/assign_control_domain; cat ${MATRIX}/$Guest1/control_domains`,
    );
    expect(err).toBe(
      'bash: echo: write error: No such device\nbash: echo: write error: No such device\n',
    );
    expect(out).toBe('00ff\n');
  });
});

describe('time', () => {
  it('passes by sleep and clock advance, and only so', async () => {
    await withShell(async (shell) => {
      const startNs = shell.shell.context.machine.nowNs();
      await shell.out('clock; cat /sys/bus/ap/apmask; clock');
      expect(shell.shell.context.machine.nowNs()).toBe(startNs);
      await shell.out('sleep 1.5; sleep 2ms; clock advance 1us');
      expect(shell.shell.context.machine.nowNs()).toBe(startNs + 1_502_001_000);
    });
  });

  it('brings the next scan of the bus after config_time', async () => {
    const out = await withShell((shell) =>
      shell.out('cat /sys/bus/ap/scans; clock advance 31s > /dev/null; cat /sys/bus/ap/scans'),
    );
    const [before, after] = out.trim().split('\n').map(Number);
    expect(after).toBe((before as number) + 1);
  });
});

describe('mdevctl', () => {
  it('defines, modifies, starts, lists and stops, with JSON in and out', async () => {
    await withShell(
      async (shell) => {
        await shell.out('chzdev --type ap apmask=-5');
        const uuid = (await shell.out('mdevctl define -p matrix -t vfio_ap-passthrough')).trim();
        await shell.out(`u=${uuid}
          mdevctl modify -u $u --addattr=assign_adapter --value=5
          mdevctl modify -u $u --addattr=assign_domain --value=4
          mdevctl start -u $u`);
        expect(await shell.out('cat /sys/devices/vfio_ap/matrix/$u/matrix')).toBe('05.0004\n');
        expect(await shell.out('mdevctl list')).toBe(
          `${uuid} matrix vfio_ap-passthrough (defined)\n`,
        );
        await shell.out('mdevctl list -d -u $u --dumpjson > /tmp/all.json; mdevctl stop -u $u');
        const json = JSON.parse(shell.disk.text('/tmp/all.json')) as { matrix: object[] }[];
        expect(json[0]?.matrix[0]).toEqual({
          [uuid]: {
            mdev_type: 'vfio_ap-passthrough',
            start: 'manual',
            attrs: [{ assign_adapter: '5' }, { assign_domain: '4' }],
          },
        });
        expect(
          await shell.out(
            'mdevctl undefine -u $u; echo \'{"mdev_type":"vfio_ap-passthrough","attrs":[{"assign_domain":"7"}]}\' | mdevctl define -u $u --jsonfile - && mdevctl list -d -v',
          ),
        ).toBe(
          `${uuid} matrix vfio_ap-passthrough manual\n  Attrs:\n    @{0}: {"assign_domain":"7"}\n`,
        );
      },
      { bare: true },
    );
  });
});

describe('chzdev', () => {
  it.each([
    ['apmask=-5,-0x6', '0-4,7-255'],
    ['apmask=0-3,8', '0-3,8'],
    ['apmask=', ''],
    ['apmask=-0-255 apmask=+7', '7'],
  ])('%s makes the active and the persistent mask %j', async (lists, expected) => {
    await withShell(
      async (shell) => {
        await shell.out(`chzdev --type ap ${lists}`);
        const line = (await shell.out('lszdev | grep apmask')).trim().split(/ +/);
        expect(line).toEqual(expected === '' ? ['apmask'] : ['apmask', expected, expected]);
      },
      { bare: true },
    );
  });
});

describe('uuidgen', () => {
  it('gives UUIDs of version 4 that follow from the seed', async () => {
    const one = await withShell((shell) => shell.out('uuidgen; uuidgen'), { options: { seed: 7 } });
    const two = await withShell((shell) => shell.out('uuidgen; uuidgen'), { options: { seed: 7 } });
    const three = await withShell((shell) => shell.out('uuidgen; uuidgen'), {
      options: { seed: 8 },
    });
    expect(one).toMatch(
      /^([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n){2}$/,
    );
    expect(new Set(one.split('\n')).size).toBe(3);
    expect(two).toBe(one);
    expect(three).not.toBe(one);
  });
});

describe('what the kernel told', () => {
  it('is in dmesg and uevents', async () => {
    const out = await withShell(async (shell) => {
      await shell.run(`echo 4 > ${MATRIX}/$Guest2/assign_domain`);
      return shell.out('dmesg | cut -d "]" -f 2; uevents -p | tail -n 2');
    });
    expect(out).toContain(
      ` vfio_ap_mdev ${G2}: Userspace may not assign queue 05.0004 to mdev: already assigned to ${G1}\n`,
    );
    expect(out).toMatch(
      /\] bind {3}\/devices\/vfio_ap\/matrix\/.* \(mdev\)\n {4}DRIVER=vfio_ap_mdev\n$/,
    );
  });
});

describe('19.17: help of one command', () => {
  it.each([
    [
      'help mdevctl',
      'mdevctl types|list|define|start|stop|modify|undefine …\n    mediated devices\n    mdevctl --help shows the options\n',
    ],
    [
      'help ap-check | cat',
      "ap-check -t TYPE -e EVENT -a ACTION -u UUID -p PARENT\n    mdevctl's call-out for AP\n",
    ],
    ['help guest | grep -c NAME', '8\n'],
    [
      "help fault | grep -o '^  [a-z]*=' | tr -d ' =\n'",
      'onrccceverydropdelayreorderreplyfunctioncountprobabilityat',
    ],
    ['help lpar | wc -l | tr -d " "; lpar | wc -l | tr -d " "', '15\n12\n'],
    [
      'help lpar configure | tail -n 1',
      '  configure apid  SCLP configure: the adapter leaves standby\n',
    ],
    [
      "help '[['",
      '[[ CONDITION ]]\n    a condition with && || ! ( ), == and != with patterns, =~ with a regular\n    expression\n',
    ],
    ['help help | head -n 1', 'help [COMMAND [VERB]]\n'],
  ])('%s is complete', async (script, out) => {
    expect(await shared.sh(script)).toEqual(ok(out));
  });
});

describe('19.16: help and version of the programs', () => {
  it.each(['lszcrypt', 'chzcrypt', 'lszdev', 'chzdev', 'mdevctl', 'zcryptctl', 'zcryptstats'])(
    '%s has them',
    async (name) => {
      for (const option of ['-h', '--help']) {
        const { out, err, status } = await shared.sh(`${name} ${option}`);
        expect({ err, status }).toEqual({ err: '', status: 0 });
        expect(out).toMatch(new RegExp(`^Usage: ${name} `, 'm'));
      }
      for (const option of name === 'mdevctl' ? ['--version'] : ['-v', '--version']) {
        const { out, status } = await shared.sh(`${name} ${option}`);
        expect(status).toBe(0);
        expect(out).toMatch(/\d+\.\d+/);
      }
    },
  );
});

describe('modules', () => {
  it('modprobe and lsmod say how they are used', async () => {
    expect((await shared.sh('modprobe -h')).out).toMatch(/^Usage: modprobe /);
    expect((await shared.sh('modprobe -V')).out).toBe('kmod version 30\n');
    expect(await shared.sh('lsmod -h')).toEqual({ out: '', err: 'Usage: lsmod\n', status: 1 });
  });
});

describe('help', () => {
  it('stays within 80 columns and names every command once', async () => {
    const { out } = await shared.sh('help');
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
    const names = [...out.matchAll(/^ {2}(\S+)/gm)].map(([, name]) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(45);
    for (const name of [...names, 'if', 'for', 'while', 'until', 'case', 'function', '[[', '((']) {
      const one = await shared.sh(`help '${name}' | cat`);
      expect(one.status).toBe(0);
      expect(one.out.split('\n').filter((line) => line.length > 80)).toEqual([]);
    }
  });

  it.each(['help', 'lszcrypt', 'guest list', 'lpar', 'mdevctl list -v'])(
    '%s fits a terminal of 80 columns',
    async (script) => {
      const { out } = await shared.sh(script, { columns: 80 });
      expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
    },
  );

  it('ls fills the columns of a terminal, and gives a name a line to a pipe', async () => {
    const wide = await shared.sh('ls /sys/bus/ap', { columns: 80 });
    expect(wide.out).toMatchInlineSnapshot(`
      "ap_adapter_mask         apmask                   drivers_autoprobe
      ap_control_domain_mask  aqmask                   drivers_probe
      ap_domain               bindings                 features
      ap_interrupts           bindings_complete_count  poll_thread
      ap_max_adapter_id       config_time              poll_timeout
      ap_max_domain_id        devices                  scans
      ap_usage_domain_mask    drivers                  uevent
      "
    `);
    const piped = await shared.sh('ls /sys/bus/ap | wc -l', { columns: 80 });
    expect(piped.out).toBe('21\n');
  });
});
