// SPDX-License-Identifier: Apache-2.0
// How QEMU is started, and what a person reads when it cannot be.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kernelCommandLine, qemuArguments } from '../../src/qemu/arguments.ts';
import { makeFolder } from '../../src/qemu/folder.ts';
import { launchQemu, memoryShortage } from '../../src/qemu/launch.ts';
import { commandLineProblem } from '../../src/qemu/running.ts';

const KERNEL = { kernel: import.meta.filename };
const MIB = 0x100000;

describe('the arguments of QEMU', () => {
  it('share the memory with us and leave nothing on the terminal', () => {
    const args = qemuArguments({ ...KERNEL, memoryMiB: 768 }, '/q', '/r').join(' ');
    expect(args).toContain('memory-backend-file,id=ram,size=768M,mem-path=/r,share=on');
    expect(args).toContain('-M s390-ccw-virtio,memory-backend=ram');
    expect(args).toContain('-m 768');
    expect(args).toContain('-qmp unix:/q/qmp,server=on,wait=off');
    expect(args).toContain('-no-reboot');
  });

  it('take more CPUs, room for CPUs plugged later, reboots and the caller’s own arguments', () => {
    const more = { cpus: 2, maxCpus: 4, reboot: true, extra: ['-device', 'virtio-rng-ccw'] };
    const args = qemuArguments({ ...KERNEL, ...more }, '/q', '/r').join(' ');
    expect(args).toContain('-smp 2,maxcpus=4');
    expect(args).not.toContain('-no-reboot');
    expect(args).toMatch(/-device virtio-rng-ccw$/);
  });

  it('bound what is kept of translated code where that is asked for', () => {
    const accel = (more: { translatedMiB?: number }): string => {
      const args = qemuArguments({ ...KERNEL, ...more }, '/q', '/r');
      return args[args.indexOf('-accel') + 1] ?? '';
    };
    expect(accel({})).toBe('tcg,thread=multi');
    expect(accel({ translatedMiB: 128 })).toBe('tcg,thread=multi,tb-size=128');
  });

  it('give a test kernel no Linux command line, and let the debug stub start it', () => {
    const args = qemuArguments({ ...KERNEL, bare: true }, '/q', '/r');
    expect(args).not.toContain('-append');
    expect(args.join(' ')).toMatch(/-S .*path=\/q\/gdb,.* -gdb /);
  });
});

describe('the console', () => {
  it.each([
    ['inherit', 'on'],
    ['pipe', 'off'],
  ] as const)('%s: the escape key of QEMU is %s', (console, mux) => {
    const args = qemuArguments({ ...KERNEL, console }, '/q', '/r').join(' ');
    expect(args).toContain(`-chardev stdio,id=c0,mux=${mux},signal=off`);
  });
});

describe('the kernel command line', () => {
  it.each([
    ['interruptions', {}, 'console=ttyS0 facilities=12,15,65 mem=511M'],
    ['polling', { interrupts: false }, 'console=ttyS0 facilities=12,15 mem=511M'],
    ['more memory', { memoryMiB: 2048 }, 'console=ttyS0 facilities=12,15,65 mem=2047M'],
    ['words of the user', { append: 'quiet' }, 'console=ttyS0 facilities=12,15,65 mem=511M quiet'],
    [
      'a word that only ends like one of ours',
      { append: 'netconsole=@/,@10.0.0.1/' },
      'console=ttyS0 facilities=12,15,65 mem=511M netconsole=@/,@10.0.0.1/',
    ],
    ['the user’s facilities', { append: 'facilities=12' }, 'console=ttyS0 mem=511M facilities=12'],
  ])('for %s', (_what, options, text) => {
    expect(kernelCommandLine({ ...KERNEL, ...options })).toBe(text);
  });

  it.each([
    ['quiet mem=511M', 'add facilities=12,15,65'],
    ['facilities=12,15,65', 'add mem=511M'],
    ['facilities=12,15,65 mem=512M', 'add mem=511M'],
    ['facilities=12,15,65 mem=1G', 'add mem=511M'],
    ['facilities=12,15,65 mem=abc', 'add mem=511M'],
    ['facilities=1 mem=511M', 'add facilities=12,15,65'],
  ])('%s of a guest we did not start lacks something', (text, advice) => {
    expect(commandLineProblem(text, 512 * MIB)).toContain(advice);
  });

  it.each(['facilities=12,15 mem=511M', 'mem=523264k facilities=65', 'mem=256M facilities=12'])(
    '%s of a guest we did not start will do',
    (text) => {
      expect(commandLineProblem(text, 512 * MIB)).toBeUndefined();
    },
  );
});

describe('the folder of a QEMU', () => {
  it('of a process that was killed is removed by the next start, that of a living one is not', () => {
    const directory = mkdtempSync(join(tmpdir(), 'apemu-folders-'));
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const names = [`apemu-qemu-${dead}-a`, `apemu-qemu-${process.pid}-b`, 'apemu-qemu-c', 'other'];
    for (const name of names) mkdirSync(join(directory, name));
    writeFileSync(join(directory, names[0], 'qmp'), '');
    const made = basename(makeFolder(directory));
    expect(readdirSync(directory).sort()).toEqual([...names.slice(1), made].sort());
    rmSync(directory, { recursive: true });
  });
});

describe('a QEMU that cannot be started', () => {
  const ours = `apemu-qemu-${process.pid}-`;
  const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith(ours));

  it.each([
    [
      'is not installed',
      '/nonexistent/qemu-system-s390x',
      'APEMU_ERR_QEMU_MISSING',
      'apt-get install',
    ],
    ['ends at once', '/bin/false', 'APEMU_ERR_QEMU_START', 'QEMU ended at once'],
  ])('because it %s leaves nothing behind', async (_what, program, code, text) => {
    const before = folders();
    const failure = launchQemu({ ...KERNEL, program, ramDirectory: tmpdir() });
    await expect(failure).rejects.toMatchObject({ code });
    await expect(failure).rejects.toThrow(text);
    expect(folders().filter((name) => !before.includes(name))).toEqual([]);
  });

  it('for want of memory is started all the same, with a word about it', () => {
    expect(memoryShortage({ ...KERNEL, memoryMiB: 1e9 })).toMatch(
      / MiB free for its 1000000000 MiB/,
    );
    expect(memoryShortage({ ...KERNEL, memoryMiB: 0 })).toBeUndefined();
  });

  it('because a file is missing names the file', async () => {
    await expect(launchQemu({ kernel: '/nonexistent/kernel' })).rejects.toThrow(
      'no such file: /nonexistent/kernel',
    );
  });
});
