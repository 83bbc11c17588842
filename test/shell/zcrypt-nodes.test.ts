// SPDX-License-Identifier: Apache-2.0
// 19.16: zcrypt device nodes as zcryptctl and the files of the class show them, and zcryptstats on a host without channel measurements.

import { describe, expect, it } from 'vitest';
import { restoreMachine, saveMachine } from '../../src/host/state/snapshot.ts';
import { sh, TestShell, withShell } from './support.ts';

const NONE = 'No additional zcrypt device nodes defined\n';
const EMPTY = `0x${'0'.repeat(64)}`;

/** A node, so that its class has a folder, and all folders of virtual devices. */
const FOLDERS = 'echo n > /sys/class/zcrypt/create; ls -R /sys/devices/virtual';

describe('zcryptctl', () => {
  it('makes, filters, lists and removes a node', async () => {
    const script = `zcryptctl create my_node
      zcryptctl addap my_node 5; zcryptctl addap my_node 0xff; zcryptctl delap my_node 255
      zcryptctl adddom my_node 4; zcryptctl addctrl my_node ALL; zcryptctl addioctl my_node zsecsendcprb
      zcryptctl addioctl my_node 7
      ls -l /dev/my_node | cut -c 1-10
      zcryptctl list | sed 's/0,1,2.*255/0..255/'
      zcryptctl destroy my_node; zcryptctl list`;
    expect(await sh(script)).toEqual({
      err: '',
      status: 0,
      out: [
        'Device node created',
        ...['Adapter 5 added', 'Adapter 255 added', 'Adapter 255 removed', 'Domain 4 added'],
        ...['All control domains added', 'Ioctl zsecsendcprb added', 'Ioctl 7 added'],
        'crw-------',
        'zcrypt node name:\tmy_node',
        '  device node:\t/dev/my_node',
        '  major:minor:\t253:0',
        '  adapter:\t5',
        '  domains:\t4',
        '  control domains:\t0..255',
        '  ioctls:\t7,ZSECSENDCPRB',
        "Device node 'my_node' marked for destruction",
        NONE,
      ].join('\n'),
    });
  });

  it('writes what it lists as a configuration, and reads it again', async () => {
    const script = `printf '# two nodes\\nnode = first\\naps = 1, 2 # both\\ndoms=ALL\\nnode=second\\nioctls = ICARSACRT\\n' > /tmp/nodes
      zcryptctl config /tmp/nodes > /dev/null && zcryptctl listconfig > /tmp/kept
      zcryptctl destroy first > /dev/null; zcryptctl destroy second > /dev/null
      zcryptctl config /tmp/kept > /dev/null; [ "$(zcryptctl listconfig)" = "$(cat /tmp/kept)" ] && grep -v doms /tmp/kept`;
    const { out, err, status } = await sh(script);
    expect({ err, status }).toEqual({ err: '', status: 0 });
    expect(out).toBe(
      'node = first\n aps = 1,2\n ctrls =\n ioctls =\nnode = second\n aps =\n ctrls =\n ioctls = ICARSACRT\n',
    );
  });

  it.each([
    ['..', 'reaches no folder above itself: a walk ends', FOLDERS],
    ['.', 'is not the folder it is in', FOLDERS],
    ['null', 'leaves the device of that name as it is', 'ls -l /dev/null | cut -c 1-10'],
    ['vfio', 'leaves the folder of that name as it is', 'ls /dev | grep -c vfio'],
  ])('a node called %s %s', async (name, _what, look) => {
    const before = await sh(look);
    const after = await sh(`printf '%s' '${name}' > /sys/class/zcrypt/create; ${look}`);
    expect(after.err).toBe('');
    if (name === '..' || name === '.') expect(after.out).toBe(before.out);
    else expect([after.out, after.status]).toEqual([before.out, before.status]);
  });

  it('a slash in the name of a node is one in /dev, not in the tree, and its events can be asked for', async () => {
    const script = `printf 'a/b' > /sys/class/zcrypt/create; ls /sys/devices/virtual/zcrypt
      cat '/sys/devices/virtual/zcrypt/a!b/uevent'; echo change > '/sys/devices/virtual/zcrypt/a!b/uevent'`;
    expect(await sh(script)).toEqual({
      err: '',
      status: 0,
      out: 'a!b\nMAJOR=253\nMINOR=0\nDEVNAME=a/b\n',
    });
  });

  it.each([
    ['zcryptctl', 'Missing or invalid command argument'],
    ['zcryptctl nope', 'Missing or invalid command argument'],
    ['zcryptctl destroy', 'Missing node name argument'],
    ['zcryptctl destroy nowhere', "Invalid or unknown nodename 'nowhere'"],
    ['zcryptctl addap x', 'Missing adapter argument'],
    ['zcryptctl addctrl x', 'Missing domain argument'],
    ['zcryptctl addap x 5', "Invalid or unknown nodename 'x'"],
    ['zcryptctl addap n five', "Invalid adapter argument 'five'"],
    ['zcryptctl adddom n 256', "Domain argument '256' out of range [0..255]"],
    ['zcryptctl delioctl n 0x100', "Ioctl argument '0x100' out of range [0..255]"],
    ['zcryptctl create n', 'Could not write into sysfs entry to create zdev node'],
    ['zcryptctl config', 'Missing filename argument'],
    ['zcryptctl config /tmp/nowhere', "Could not open file '/tmp/nowhere'"],
    [
      "echo 'aps=1' > /tmp/c; zcryptctl config /tmp/c",
      "Missing node=... before processing any aps=... statements in line 1 'aps=1\n'",
    ],
    [
      "echo 'node n2' > /tmp/c; zcryptctl config /tmp/c",
      "Missing '=' at ' n2\n    ...' in line 1 'node n2\n'",
    ],
    [
      "echo 'apps=1' > /tmp/c; zcryptctl config /tmp/c",
      "Unknown keyword 'apps=1\n ...' in line 1 'apps=1\n'",
    ],
  ])('%s is refused as by the real program', async (script, message) => {
    const prepared = await sh(`zcryptctl create n > /dev/null; ${script}`);
    expect(prepared).toEqual({ out: '', err: `zcryptctl: ${message}\n`, status: 1 });
  });

  it('explains itself, and each command', async () => {
    const { out } = await sh('zcryptctl --help');
    expect(out).toMatch(/^Usage: zcryptctl COMMAND \[COMMAND-PARAMS\] \[OPTIONS\] \n\n/);
    expect(out).toContain(' zcryptctl addioctl <ioctlexp>\n');
    expect((await sh('zcryptctl addap --help')).out).toMatch(/^Usage: zcryptctl addap <adapter>\n/);
    expect(await sh('zcryptctl -q')).toEqual({
      out: '',
      err: "zcryptctl: Invalid option '-q'\nTry 'zcryptctl --help' for more information.\n",
      status: 1,
    });
  });
});

describe('/sys/class/zcrypt', () => {
  const D = '/sys/class/zcrypt';

  it.each([
    ['a name', `echo '  one ' > ${D}/create; ls ${D}`, 'create\ndestroy\none\n'],
    [
      'no name: the next free number',
      `echo > ${D}/create; echo > ${D}/create; echo zcrypt_0 > ${D}/destroy; echo > ${D}/create; ls ${D} | tail -n 2`,
      'zcrypt_0\nzcrypt_1\n',
    ],
    ['a slash, which is no folder', `echo a/b > ${D}/create; ls ${D} | tail -n 1`, 'destroy\n'],
    [
      'empty filters',
      `echo n > ${D}/create; cat ${D}/n/apmask ${D}/n/ioctlmask`,
      `${EMPTY}\n${EMPTY}\n`,
    ],
    [
      'a link to the device',
      `echo n > ${D}/create; readlink ${D}/n; cat ${D}/n/dev`,
      '../../devices/virtual/zcrypt/n\n253:0\n',
    ],
    [
      'events',
      `echo n > ${D}/create; echo n > ${D}/destroy; uevents | tail -n 2 | cut -c 16-`,
      'add    /devices/virtual/zcrypt/n (zcrypt)\nremove /devices/virtual/zcrypt/n (zcrypt)\n',
    ],
  ])('a node has %s', async (_what, script, out) => {
    expect(await sh(script)).toEqual({ out, err: '', status: 0 });
  });

  it.each([
    [`echo n > ${D}/create; echo n > ${D}/create`, 'File exists'],
    [`echo create > ${D}/create`, 'File exists'],
    [`echo n > ${D}/destroy`, 'No such file or directory'],
    [`cat ${D}/create`, 'Input/output error'],
    [`echo n > ${D}/create; echo +256 > ${D}/n/apmask`, 'Invalid argument'],
    [
      `for i in {0..255}; do echo > ${D}/create; done; echo > ${D}/create`,
      'No space left on device',
    ],
  ])('%s is an error', async (script, message) => {
    const { err, status } = await sh(script);
    expect(err).toContain(message);
    expect(status).toBe(1);
  });

  it('nodes are kept in a saved machine, with their filters', async () => {
    await withShell(async (shell) => {
      await shell.out('zcryptctl create kept; zcryptctl addap kept 5');
      const { host } = shell.shell.context;
      if (host === undefined) throw new TypeError('a shell with a host');
      const other = new TestShell(await restoreMachine(saveMachine(host)));
      const listed = await other.out('zcryptctl listconfig');
      other.shell.close();
      expect(listed).toBe('node = kept\n aps = 5\n doms =\n ctrls =\n ioctls =\n');
    });
  });

  it('a checkpoint takes nodes and filters back', async () => {
    await withShell(async (shell) => {
      const { host } = shell.shell.context;
      if (host === undefined) throw new TypeError('a shell with a host');
      await shell.out('zcryptctl create first; zcryptctl addap first 5');
      const putBack = host.host.bus.requests.remember();
      await shell.out('zcryptctl delap first 5; zcryptctl create second');
      putBack();
      expect(await shell.out('zcryptctl listconfig')).toBe(
        'node = first\n aps = 5\n doms =\n ctrls =\n ioctls =\n',
      );
    });
  });
});

describe('zcryptstats', () => {
  const TRY = "Try 'zcryptstats --help' for more information.\n";
  it.each([
    [
      'zcryptstats -c 1',
      "File '/dev/chsc:' No such file or directory\nzcryptstats: You might have to load kernel module 'chsc_sch' using 'modprobe chsc_sch'\n",
    ],
    ['zcryptstats -q', `Invalid option '-q'\n${TRY}`],
    ['zcryptstats -i 0', `Invalid value for '--interval'|'-i': '0'\n${TRY}`],
    ['zcryptstats --count 1s', `Invalid value for '--count'|'-c': '1s'\n${TRY}`],
    ['zcryptstats -o XML', `Invalid value for '--output'|'-o': 'XML'\n${TRY}`],
    ['zcryptstats -t -T', 'Either --no-totals or --only-totals can be specified, but not both\n'],
    [
      'zcryptstats -t -o csv',
      'Either --no-totals or --only-totals can be specified, but not both\n',
    ],
    ['zcryptstats -A -O', 'Either --only-online or --all can be specified, but not both\n'],
    [
      'lpar remove-adapter 05; lpar remove-adapter 06; echo 1 > /sys/bus/ap/scans; zcryptstats',
      'No crypto card devices found\n',
    ],
  ])('%s says what is in the way, as the real program', async (script, message) => {
    const { out, err, status } = await sh(script);
    expect({ out, err, status }).toEqual({ out: '', err: `zcryptstats: ${message}`, status: 1 });
  });
});
