// SPDX-License-Identifier: Apache-2.0
// What the shell gets of this process: output, Ctrl-C, and the computer's files where it was given them.

import type { ShellOptions } from '../shell/context.ts';
import { exportSnapshot } from '../sysfs/export.ts';
import { hostDisk } from './host-disk.ts';
import { breathing, type CommandIo } from './io.ts';

/** What a shell gets of this process; `hostFiles`: the computer's files too, from the current folder on. */
export const shellOptions = (io: CommandIo, hostFiles: boolean): ShellOptions => ({
  out: (text) => io.out(text),
  err: (text) => io.err(text),
  interrupted: () => io.signal.aborted,
  breathe: breathing(() => io.taken()),
  blocking: (work) => io.blocking(work),
  ...(hostFiles
    ? {
        disk: hostDisk,
        directory: process.cwd(),
        exportTree: (machine, directory) => exportSnapshot(machine.sysfs, directory),
      }
    : { directory: '/root' }),
});
