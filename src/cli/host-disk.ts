// SPDX-License-Identifier: Apache-2.0
// The computer's files for a shell that was given them (`--host-files`): regular files and folders, bounded, with errno names as
// results. Devices, pipes and the computer's own /sys, /proc and /dev are out of reach, by whatever name or link.

import {
  appendFileSync,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ERRNO_TEXT, type Errno } from '../ap-bus/errno.ts';
import type { Disk } from '../shell/files.ts';

/** Longest file in bytes that is read. The longest that makes sense is a saved machine with its guests' storage. */
const MAX_FILE_BYTES = 0x4000_0000;
const HIDDEN = /^\/(?:sys|proc|dev)(?:\/|$)/;

/** The errno name of a failure; EIO for one the host side does not know. */
function errnoOf(error: unknown): Errno {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return Object.hasOwn(ERRNO_TEXT, code) ? (code as Errno) : 'EIO';
}

class Refused extends Error {
  readonly code: Errno;

  constructor(code: Errno) {
    super(code);
    this.code = code;
  }
}

type Failed = { readonly ok: false; readonly errno: Errno };

function attempt<T>(action: () => T): T | Failed {
  try {
    return action();
  } catch (error) {
    return { ok: false, errno: errnoOf(error) };
  }
}

function outcomeOf(action: () => void): 'ok' | Errno {
  try {
    action();
    return 'ok';
  } catch (error) {
    return errnoOf(error);
  }
}

/** The path to which a path leads when links are followed. The last name may belong to a file that does not exist yet. */
function resolved(path: string): string {
  let real: string;
  try {
    real = realpathSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    real = join(realpathSync(dirname(path)), basename(path));
  }
  if (HIDDEN.test(real)) throw new Refused('EACCES');
  return real;
}

/** Requires a regular file. Others are not opened, because opening a pipe would wait for its other end. */
function regular(path: string): string {
  const real = resolved(path);
  const status = statSync(real, { throwIfNoEntry: false });
  if (status?.isDirectory()) throw new Refused('EISDIR');
  if (status !== undefined && !status.isFile()) throw new Refused('EACCES');
  return real;
}

function readWhole(path: string): Uint8Array {
  const fd = openSync(regular(path), constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { size } = fstatSync(fd);
    if (size > MAX_FILE_BYTES) throw new Refused('EFBIG');
    const bytes = new Uint8Array(size);
    let length = 0;
    for (let read = -1; read !== 0 && length < size; length += read)
      read = readSync(fd, bytes, length, size - length, null);
    return bytes.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}

export const hostDisk: Disk = {
  read: (path) => attempt(() => ({ ok: true, bytes: readWhole(path) }) as const),
  write: (path, bytes, append) =>
    outcomeOf(() => {
      if (append) appendFileSync(regular(path), bytes);
      else writeFileSync(regular(path), bytes);
    }),
  list: (path) => attempt(() => ({ ok: true, names: readdirSync(resolved(path)).sort() }) as const),
  stat: (path) =>
    attempt(() => {
      const status = statSync(resolved(path));
      const kind = status.isDirectory() ? 'dir' : status.isFile() ? 'file' : 'char';
      return { ok: true, kind, mode: status.mode & 0o777 } as const;
    }),
  makeFolder: (path) => outcomeOf(() => mkdirSync(resolved(path))),
  remove: (path) =>
    outcomeOf(() => {
      const real = resolved(path);
      if (statSync(real).isDirectory()) rmdirSync(real);
      else unlinkSync(real);
    }),
};
