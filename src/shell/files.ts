// SPDX-License-Identifier: Apache-2.0
// Files as the shell sees them: /sys is the machine's, everything else the user's own disk, names relative to a directory.
// Source: docs/design.md section 7; POSIX.1-2017, general concepts, section 4.13 (pathname resolution).
import type { Errno, Outcome } from '../ap-bus/errno.ts';
import type { Operation } from '../ap-bus/operation.ts';
import type { FileTree } from '../sysfs/file-tree.ts';
import {
  type Listing,
  MOUNT_POINT,
  type ReadResult,
  type Status,
  type Sysfs,
} from '../sysfs/sysfs.ts';

/** The user's disk. Paths are absolute. Errors are values. */
export interface Disk {
  read(path: string): { readonly ok: true; readonly bytes: Uint8Array } | Failure;
  /** Replaces the file, or appends to it. */
  write(path: string, bytes: Uint8Array, append: boolean): Outcome;
  list(path: string): Listing;
  stat(path: string): Status;
}

interface Failure {
  readonly ok: false;
  readonly errno: Errno;
}

/** A disk with nothing on it, which takes nothing. */
export const NO_DISK: Disk = {
  read: () => ({ ok: false, errno: 'ENOENT' }),
  write: () => 'EACCES',
  list: () => ({ ok: false, errno: 'ENOENT' }),
  stat: () => ({ ok: false, errno: 'ENOENT' }),
};

const NULL_DEVICE = '/dev/null';

/** What a redirection writes to. */
export type Target = 'sysfs' | 'disk' | 'null';

export class ShellFiles implements FileTree {
  readonly #sysfs: () => Sysfs;
  readonly #disk: Disk;
  /** Absolute, without a slash at its end. */
  directory: string;

  constructor(sysfs: () => Sysfs, disk: Disk, directory: string) {
    this.#sysfs = sysfs;
    this.#disk = disk;
    this.directory = directory;
  }

  get disk(): Disk {
    return this.#disk;
  }

  /** Absolute form of a name; `.` and `..` stay, as the kernel resolves them. */
  absolute(path: string): string {
    if (path.startsWith('/')) return path;
    const base = this.directory === '/' ? '' : this.directory;
    return path === '' ? '' : `${base}/${path}`;
  }

  inSysfs(path: string): boolean {
    const absolute = this.absolute(path);
    return absolute === MOUNT_POINT || absolute.startsWith(`${MOUNT_POINT}/`);
  }

  /** Sets the directory names are relative to. Logical, as `cd`: `..` takes the last name away. */
  change(path: string): Outcome {
    const names: string[] = [];
    for (const name of this.absolute(path).split('/')) {
      if (name === '..') names.pop();
      else if (name !== '' && name !== '.') names.push(name);
    }
    const target = `/${names.join('/')}`;
    const status = this.stat(target);
    if (!status.ok) return status.errno;
    if (status.kind !== 'dir') return 'ENOTDIR';
    this.directory = target;
    return 'ok';
  }

  *readOperation(path: string): Operation<ReadResult> {
    if (this.absolute(path) === NULL_DEVICE) return { ok: true, text: '' };
    if (this.inSysfs(path)) return yield* this.#sysfs().readOperation(this.absolute(path));
    const read = this.#disk.read(this.absolute(path));
    return read.ok ? { ok: true, text: new TextDecoder().decode(read.bytes) } : read;
  }

  list(path: string): Listing {
    const absolute = this.absolute(path);
    if (this.inSysfs(path)) return this.#sysfs().list(absolute);
    const listing = this.#disk.list(absolute);
    // The mount point is there whatever the disk has.
    if (!/^\/+$/.test(absolute)) return listing;
    return { ok: true, names: [...new Set([...(listing.ok ? listing.names : []), 'sys'])].sort() };
  }

  readlink(path: string): ReadResult {
    if (this.inSysfs(path)) return this.#sysfs().readlink(this.absolute(path));
    const status = this.#disk.stat(this.absolute(path));
    return status.ok ? { ok: false, errno: 'EINVAL' } : status;
  }

  realpath(path: string): ReadResult {
    const absolute = this.absolute(path);
    if (this.inSysfs(path)) return this.#sysfs().realpath(absolute);
    const status = this.#disk.stat(absolute);
    return status.ok ? { ok: true, text: absolute } : status;
  }

  lstat(path: string): Status {
    return this.inSysfs(path) ? this.#sysfs().lstat(this.absolute(path)) : this.stat(path);
  }

  stat(path: string): Status {
    const absolute = this.absolute(path);
    if (/^\/+$/.test(absolute)) return { ok: true, kind: 'dir', mode: 0o755 };
    if (absolute === NULL_DEVICE) return { ok: true, kind: 'file', mode: 0o666 };
    return this.inSysfs(path) ? this.#sysfs().stat(absolute) : this.#disk.stat(absolute);
  }

  /** Opens a redirection's target; the errno if open(2) refuses it. A file cannot be made in sysfs: EACCES. */
  open(path: string, append: boolean): Target | { readonly errno: Errno } {
    const absolute = this.absolute(path);
    if (absolute === NULL_DEVICE) return 'null';
    if (this.inSysfs(path)) {
      const status = this.#sysfs().stat(absolute);
      if (status.ok) {
        if (status.kind === 'dir') return { errno: 'EISDIR' };
        return status.mode & 0o200 ? 'sysfs' : { errno: 'EACCES' };
      }
      if (status.errno !== 'ENOENT') return { errno: status.errno };
      const parent = this.#sysfs().stat(absolute.replace(/\/[^/]*\/*$/, ''));
      return { errno: parent.ok && parent.kind === 'dir' ? 'EACCES' : 'ENOENT' };
    }
    const opened = this.#disk.write(absolute, new Uint8Array(), append);
    return opened === 'ok' ? 'disk' : { errno: opened };
  }

  /** One write(2) to a file of sysfs. */
  writeSysfs(path: string, text: string): Operation<Outcome> {
    return this.#sysfs().write(path, text);
  }
}
