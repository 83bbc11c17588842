// SPDX-License-Identifier: Apache-2.0
// What the shell gets of this process: output, Ctrl-C, and the user's disk with errno names as results.

import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { ERRNO_TEXT, type Errno } from '../ap-bus/errno.ts';
import type { ShellOptions } from '../shell/context.ts';
import type { Disk } from '../shell/files.ts';
import { exportSnapshot } from '../sysfs/export.ts';
import { breathe, type CommandIo } from './io.ts';

/** The errno name of a failure; EIO for one the host side does not know. */
function errnoOf(error: unknown): Errno {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return Object.hasOwn(ERRNO_TEXT, code) ? (code as Errno) : 'EIO';
}

type Failed = { readonly ok: false; readonly errno: Errno };

function attempt<T>(action: () => T): T | Failed {
  try {
    return action();
  } catch (error) {
    return { ok: false, errno: errnoOf(error) };
  }
}

export const nodeDisk: Disk = {
  read: (path) => attempt(() => ({ ok: true, bytes: readFileSync(path) }) as const),
  write(path, bytes, append) {
    try {
      if (append) appendFileSync(path, bytes);
      else writeFileSync(path, bytes);
      return 'ok';
    } catch (error) {
      return errnoOf(error);
    }
  },
  list: (path) => attempt(() => ({ ok: true, names: readdirSync(path).sort() }) as const),
  stat: (path) =>
    attempt(() => {
      const status = statSync(path);
      const kind = status.isDirectory() ? 'dir' : 'file';
      return { ok: true, kind, mode: status.mode & 0o777 } as const;
    }),
};

/** What a shell gets of this process. */
export const shellOptions = (io: CommandIo): ShellOptions => ({
  out: (text) => io.out(text),
  err: (text) => io.err(text),
  disk: nodeDisk,
  directory: process.cwd(),
  interrupted: () => io.signal.aborted,
  breathe,
  exportTree: (machine, directory) => exportSnapshot(machine.sysfs, directory),
});
