// SPDX-License-Identifier: Apache-2.0
// `apemu shell` as a command: scripts from standard input, a file, -c; options; files of the disk; exit codes.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apemu, FakeIo } from '../cli/fake-io.ts';

const CONFIG = 'examples/two-guests.yaml';
let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'apemu-shell-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const shell = async (args: readonly string[], input = '') => {
  const { output, errors, code } = await apemu(['shell', ...args], new FakeIo(input));
  return { output, errors, code };
};

describe('apemu shell', () => {
  it('runs a script on standard input up to its exit', async () => {
    expect(await shell([CONFIG], 'echo a\nexit 4\necho b\n')).toEqual({
      output: 'a\n',
      errors: '',
      code: 4,
    });
  });

  it('runs a script file with its parameters', async () => {
    const script = join(dir, 's.sh');
    writeFileSync(script, '# shows its words\necho "$1-$2 of $#"\ncat /sys/nope\n');
    expect(await shell([CONFIG, script, 'x', 'y z'])).toEqual({
      output: 'x-y z of 2\n',
      errors: 'cat: /sys/nope: No such file or directory\n',
      code: 1,
    });
  });

  it('-c runs a text', async () => {
    expect((await shell([CONFIG, '-c', 'cat /sys/bus/ap/apmask | cut -c 1-4'])).output).toBe(
      '0xf9\n',
    );
  });

  it('--bare starts from nothing: masks all ones, no mdevs', async () => {
    const { output } = await shell([
      CONFIG,
      '--bare',
      '-c',
      'cut -c 1-4 /sys/bus/ap/apmask; mdevctl list | wc -l; guest list | grep -c off',
    ]);
    expect(output).toBe('0xff\n0\n2\n');
  });

  it.each([
    ['2.40', '09'],
    ['2.43', '08'],
  ])(
    '--s390-tools %s decides whose lszcrypt runs, on the host and in guests',
    async (name, depth) => {
      const text = 'lszcrypt -V 06; guest start Guest1; guest lszcrypt Guest1 -V 06';
      const { output } = await shell([CONFIG, '--s390-tools', name, '-c', text]);
      const rows = output.split('\n').filter((line) => /^06 /.test(line));
      expect(rows.map((row) => row.split(/ +/)[7])).toEqual([depth, depth]);
    },
  );

  it('--kernel decides what the host does', async () => {
    const { output, errors } = await shell([
      CONFIG,
      '--kernel',
      'doc-v6',
      '-c',
      'ls /sys/devices/vfio_ap/matrix/$Guest1/ap_config',
    ]);
    expect({ output, errors }).toEqual({
      output: '',
      errors:
        "ls: cannot access '/sys/devices/vfio_ap/matrix/00000000-0000-4000-8000-000000000001/ap_config': No such file or directory\n",
    });
  });

  it('--seed decides the UUIDs', async () => {
    const uuid = async (seed: string) =>
      (await shell([CONFIG, '--seed', seed, '-c', 'uuidgen'])).output;
    expect(await uuid('1')).toBe(await uuid('1'));
    expect(await uuid('1')).not.toBe(await uuid('2'));
  });

  it('reads and writes files of the disk: redirection, save, restore, export-sysfs', async () => {
    const script = `cd ${dir}
lszcrypt > cards.txt
lszcrypt -d >> cards.txt
save machine.bin
lpar deconfigure 5; sleep 31; lszcrypt 05 | tail -n 1 | cut -c 28-37
restore machine.bin; lszcrypt 05 | tail -n 1 | cut -c 28-37
export-sysfs tree > /dev/null
`;
    const { output, errors, code } = await shell(['--host-files', CONFIG], script);
    expect({ output, errors, code }).toEqual({
      output: 'deconfig  \nonline    \n',
      errors: '',
      code: 0,
    });
    expect(readFileSync(join(dir, 'cards.txt'), 'utf8')).toMatch(/^CARD\.DOM.*DOMAIN/s);
    expect(readFileSync(join(dir, 'tree/sys/bus/ap/devices/card05/type'), 'utf8')).toBe('CEX8C\n');
    expect(existsSync(join(dir, 'machine.bin'))).toBe(true);
  });

  it.each([
    [['no-such.yaml'], 3],
    [[CONFIG, 'no-such.sh'], 2],
    [[CONFIG, '--kernel', 'linux-9'], 2],
    [[CONFIG, '--seed', 'x'], 2],
    [[], 2],
  ])('with %j ends with exit code %i and says why', async (args, expected) => {
    const { errors, code, output } = await shell(args as string[]);
    expect(code).toBe(expected);
    expect(errors).not.toBe('');
    expect(output).toBe('');
  });
});
