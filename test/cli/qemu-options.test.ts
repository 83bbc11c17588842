// SPDX-License-Identifier: Apache-2.0
// What apemu qemu refuses, how it shows several consoles, and its shell for a connection.
import { afterEach, describe, expect, it } from 'vitest';
import { exitCodeOf } from '../../src/cli/errors.ts';
import { GuestLines } from '../../src/cli/guest-lines.ts';
import { EXIT_BAD_INPUT, EXIT_MISMATCH, EXIT_USAGE } from '../../src/cli/io.ts';
import { refuseConflicts } from '../../src/cli/qemu-conflicts.ts';
import { shellSession } from '../../src/cli/shell-session.ts';
import { configFromObject } from '../../src/config/load.ts';
import { ApemuError } from '../../src/errors.ts';
import { createMachine, type Machine } from '../../src/index.ts';
import { runQemu } from '../../src/qemu/command.ts';

describe('options that say nothing together', () => {
  it.each([
    [['attach', 'memory'], '--memory says nothing with --attach'],
    [['attach', 'QEMU options'], 'QEMU options says nothing with --attach'],
    [['kernel', 'image'], '--image says nothing with --kernel'],
    [['initrd'], '--initrd needs --kernel'],
    [['lpar', 'guest'], '--guest says nothing with --lpar'],
    [['demo', 'no-interrupts'], '--no-interrupts says nothing with --demo'],
  ])('%j are refused', (given, text) => {
    expect(() => refuseConflicts(new Set(given))).toThrow(text);
  });

  it.each([
    [[]],
    [['guest', 'shell', 'trace', 'memory', 'QEMU options']],
    [['kernel', 'initrd', 'append']],
    [['attach', 'guest', 'shell', 'hook']],
    [['lpar', 'shell', 'scenario', 'trace']],
  ])('%j are not', (given) => {
    expect(() => refuseConflicts(new Set<string>(given))).not.toThrow();
  });
});

describe('consoles of several guests', () => {
  it('are shown in whole lines, empty ones too, and what is left at the end', () => {
    let text = '';
    const lines = new GuestLines((part) => {
      text += part;
    });
    lines.shown('G1', 'one\ntw');
    lines.shown('G2', '\nhello\n');
    lines.shown('G1', 'o\n/ # ');
    expect(text).toBe('G1: one\nG2: \nG2: hello\nG1: two\n');
    lines.flush();
    expect(text).toMatch(/\nG1: \/ # \n$/);
  });
});

describe('the shell for a connection', () => {
  let machine: Machine | undefined;
  afterEach(() => machine?.close());

  it('keeps variables, status and folder from line to line, takes blocks, and ends with exit', async () => {
    machine = await createMachine('apemu: 1\nguests: { Guest1: {} }\n');
    const shell = shellSession(machine);
    const said: string[] = [];
    for (const line of [
      'x=5',
      'cd /sys/bus/ap',
      'false',
      'echo $x $? $(pwd)',
      'for n in 1 2; do',
      'echo n$n',
      'done',
    ])
      said.push(await shell.run(line));
    expect(said.join('')).toBe('5 1 /sys/bus/ap\nn1\nn2\n');
    expect(shell.ended).toBe(false);
    await shell.run('exit');
    expect(shell.ended).toBe(true);
  });

  it('is there for a partition without a host of ours, too', async () => {
    const { config } = configFromObject({ apemu: 1, guests: { Guest1: {} } });
    const command = { config, lpar: true, shellSocket: '/nonexistent/shell', shell: shellSession };
    await expect(runQemu(command)).rejects.toThrow(
      "the shell's socket cannot be /nonexistent/shell",
    );
  });
});

it.each([
  ['APEMU_ERR_GUEST_ENDED', EXIT_MISMATCH],
  ['APEMU_ERR_USAGE_SHELL', EXIT_USAGE],
  ['APEMU_ERR_QEMU_GUEST', EXIT_BAD_INPUT],
])('%s ends with code %i', (code, exit) => {
  expect(exitCodeOf(new ApemuError(code, ''))).toBe(exit);
});
