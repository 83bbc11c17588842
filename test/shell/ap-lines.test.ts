// SPDX-License-Identifier: Apache-2.0
// `sysfs:` lines of AP programs run the same commands on files as the shell, with outcomes in place of messages.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { type MachineForPrograms, openProgramMachine } from '../../src/program/adapter.ts';
import { FILE_COMMANDS } from '../../src/sysfs/file-commands.ts';
import { CONFIG, TestShell } from './support.ts';

const open = (): Promise<MachineForPrograms> =>
  openProgramMachine(parseConfig(CONFIG, 'test.yaml').config);

describe('a sysfs: line and the shell', () => {
  it.each([
    'cat /sys/bus/ap/apmask',
    'cat /sys/bus/ap/apmask /sys/bus/ap/aqmask',
    'ls /sys/bus/ap/devices',
    'ls -l /sys/bus/ap/drivers',
    'readlink /sys/bus/ap/devices/card05',
    'tree -L 2 /sys/bus/ap',
    'find /sys/devices/ap -name online',
  ])('%s give the same text', async (command) => {
    const program = await open();
    try {
      const { out } = await new TestShell(program.machine).run(command);
      expect(out).not.toBe('');
      expect(program.sysfs(command)).toEqual({ kind: 'ok', text: out });
    } finally {
      program.close();
    }
  });

  it.each([
    ['cat /sys/nope', 'ENOENT'],
    ['ls /sys/nope', 'ENOENT'],
    ['find /sys/nope', 'ENOENT'],
    ['tree /sys/nope', 'ENOENT'],
    ['readlink /sys/bus/ap/apmask', 'EINVAL'],
    ['cat /sys/bus/ap', 'EISDIR'],
    ['cat /sys/bus/ap/drivers_probe', 'EACCES'],
  ])('%s fail for the same reason, %s', async (command, errno) => {
    const program = await open();
    try {
      const { status } = await new TestShell(program.machine).run(command);
      expect(status).not.toBe(0);
      expect(program.sysfs(command)).toEqual({ kind: 'errno', name: errno });
    } finally {
      program.close();
    }
  });

  it('share one table of commands', () => {
    expect(Object.keys(FILE_COMMANDS)).toEqual(['cat', 'ls', 'readlink', 'tree', 'find']);
  });

  it.each(['ls', 'cat -q /sys', 'find /sys -nope', 'tree -L x /sys'])(
    '%s is no command of a program',
    async (command) => {
      const program = await open();
      try {
        expect(() => program.sysfs(command)).toThrow(/expected echo/);
      } finally {
        program.close();
      }
    },
  );
});
