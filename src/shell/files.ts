// SPDX-License-Identifier: Apache-2.0
// Files as the shell sees them: /sys and /dev belong to the machine, everything else is on a disk, and names are relative to a directory.
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
import { DEVICES, Devices } from './devices.ts';
import { MAX_TEXT } from './language/limits.ts';

/** Files outside /sys and /dev. Paths are absolute and normal. Errors are returned as values. */
export interface Disk {
  read(path: string): { readonly ok: true; readonly bytes: Uint8Array } | Failure;
  /** Replaces the file, or appends to it. */
  write(path: string, bytes: Uint8Array, append: boolean): Outcome;
  list(path: string): Listing;
  stat(path: string): Status;
  makeFolder(path: string): Outcome;
  /** Removes a file or an empty folder. */
  remove(path: string): Outcome;
}

interface Failure {
  readonly ok: false;
  readonly errno: Errno;
}

/** What a redirection writes to. */
export type Target = 'sysfs' | 'disk' | 'null';

/** Devices that accept all output. */
const SINKS = ['/dev/null', '/dev/zero', '/dev/tty'];

const inside = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder}/`);

export class ShellFiles implements FileTree {
  readonly #sysfs: () => Sysfs;
  readonly #disk: Disk;
  readonly #devices: Devices;
  /** The current directory: absolute, without a slash at the end. */
  directory: string;
  /** Outputs of `<( … )`, by their numbers in /dev/fd. */
  #pipes = new Map<string, string>();

  constructor(sysfs: () => Sysfs, disk: Disk, directory: string) {
    this.#sysfs = sysfs;
    this.#disk = disk;
    this.#devices = new Devices(sysfs);
    this.directory = directory;
  }

  get disk(): Disk {
    return this.#disk;
  }

  /** Makes a name for the output of `<( … )`, which is valid until the command has ended. */
  addPipe(text: string): string {
    const path = `/dev/fd/${63 - this.#pipes.size}`;
    this.#pipes.set(path, text);
    return path;
  }

  /** Called when a command begins. The function that is returned has to be called when it has ended, and removes the names it was given. */
  pipesFromHere(): () => void {
    const { size } = this.#pipes;
    return () => {
      for (const path of [...this.#pipes.keys()].slice(size)) this.#pipes.delete(path);
    };
  }

  /**
   * The absolute and normal form of a name. Only this form decides what a name means, so that `//sys`, `/./sys` and `/tmp/../sys` are all
   * /sys. Below /sys, where links lead elsewhere, `..` goes where the kernel goes: to the parent of what the link leads to.
   */
  absolute(path: string): string {
    if (path === '') return '';
    let current = '';
    const whole = path.startsWith('/') ? path : `${this.directory}/${path}`;
    for (const name of whole.split('/')) {
      if (name === '' || name === '.') continue;
      if (name !== '..') current += `/${name}`;
      else {
        const found = inside(current, MOUNT_POINT) ? this.#sysfs().realpath(current) : undefined;
        if (found !== undefined && !found.ok) return `${current}/..`;
        const from = found?.text ?? current;
        current = from.slice(0, Math.max(0, from.lastIndexOf('/')));
      }
    }
    // A slash at the end means that the name must be a folder's.
    return current === '' ? '/' : current + (/\/\.?$/.test(whole) ? '/' : '');
  }

  inSysfs(path: string): boolean {
    return inside(this.absolute(path), MOUNT_POINT);
  }

  /** Changes the current directory, logically as `cd` does: `..` removes the last name. */
  change(path: string): Outcome {
    const names: string[] = [];
    const whole = path.startsWith('/') ? path : `${this.directory}/${path}`;
    for (const name of whole.split('/')) {
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
    const absolute = this.absolute(path);
    const pipe = this.#pipes.get(absolute);
    if (pipe !== undefined) return { ok: true, text: pipe };
    if (inside(absolute, MOUNT_POINT)) return yield* this.#sysfs().readOperation(absolute);
    if (inside(absolute, DEVICES)) return this.#devices.read(absolute);
    const read = this.#disk.read(onDisk(absolute));
    if (!read.ok) return read;
    if (read.bytes.length > MAX_TEXT) return { ok: false, errno: 'EFBIG' };
    return { ok: true, text: new TextDecoder().decode(read.bytes) };
  }

  list(path: string): Listing {
    const absolute = this.absolute(path);
    if (inside(absolute, MOUNT_POINT)) return this.#sysfs().list(absolute);
    if (inside(absolute, DEVICES)) return this.#devices.list(onDisk(absolute));
    const listing = this.#disk.list(onDisk(absolute));
    // The mount points are listed, whether or not the disk has them.
    if (absolute !== '/') return listing;
    const names = [...(listing.ok ? listing.names : []), 'dev', 'sys'];
    return { ok: true, names: [...new Set(names)].sort() };
  }

  readlink(path: string): ReadResult {
    const absolute = this.absolute(path);
    if (inside(absolute, MOUNT_POINT)) return this.#sysfs().readlink(absolute);
    const status = this.stat(path);
    return status.ok ? { ok: false, errno: 'EINVAL' } : status;
  }

  realpath(path: string): ReadResult {
    const absolute = this.absolute(path);
    if (inside(absolute, MOUNT_POINT)) return this.#sysfs().realpath(absolute);
    const status = this.stat(path);
    return status.ok ? { ok: true, text: onDisk(absolute) } : status;
  }

  lstat(path: string): Status {
    const absolute = this.absolute(path);
    return inside(absolute, MOUNT_POINT) ? this.#sysfs().lstat(absolute) : this.stat(path);
  }

  stat(path: string): Status {
    const absolute = this.absolute(path);
    if (absolute === '') return { ok: false, errno: 'ENOENT' };
    if (inside(absolute, MOUNT_POINT)) return this.#sysfs().stat(absolute);
    if (absolute === '/') return { ok: true, kind: 'dir', mode: 0o755 };
    if (this.#pipes.has(absolute)) return { ok: true, kind: 'file', mode: 0o500 };
    if (inside(absolute, DEVICES)) return this.#devices.stat(onDisk(absolute));
    const status = this.#disk.stat(onDisk(absolute));
    if (status.ok && status.kind !== 'dir' && absolute.endsWith('/'))
      return { ok: false, errno: 'ENOTDIR' };
    return status;
  }

  /** Opens the target of a redirection, or returns the errno with which open(2) refuses it. A file cannot be created in sysfs: EACCES. */
  open(path: string, append: boolean): Target | { readonly errno: Errno } {
    const absolute = this.absolute(path);
    if (absolute === '') return { errno: 'ENOENT' };
    if (inside(absolute, MOUNT_POINT)) {
      const status = this.#sysfs().stat(absolute);
      if (status.ok) {
        if (status.kind === 'dir') return { errno: 'EISDIR' };
        return status.mode & 0o200 ? 'sysfs' : { errno: 'EACCES' };
      }
      if (status.errno !== 'ENOENT') return { errno: status.errno };
      const parent = this.#sysfs().stat(absolute.replace(/\/[^/]*\/*$/, ''));
      return { errno: parent.ok && parent.kind === 'dir' ? 'EACCES' : 'ENOENT' };
    }
    if (SINKS.includes(absolute)) return 'null';
    if (inside(absolute, DEVICES)) return { errno: this.stat(path).ok ? 'EACCES' : 'ENOENT' };
    if (absolute.endsWith('/')) return { errno: 'EISDIR' };
    const opened = this.#disk.write(absolute, new Uint8Array(), append);
    return opened === 'ok' ? 'disk' : { errno: opened };
  }

  /** Makes a folder, or removes a file or an empty folder, outside of /sys and /dev. */
  alter(path: string, what: 'makeFolder' | 'remove'): Outcome {
    const absolute = onDisk(this.absolute(path));
    if (absolute === '') return 'ENOENT';
    if (absolute === '/') return what === 'remove' ? 'EBUSY' : 'EEXIST';
    if (inside(absolute, MOUNT_POINT) || inside(absolute, DEVICES)) {
      if (what === 'makeFolder' && this.stat(path).ok) return 'EEXIST';
      return this.stat(path).ok || what === 'makeFolder' ? 'EPERM' : 'ENOENT';
    }
    return this.#disk[what](absolute);
  }

  /** Makes one write(2) to a file of sysfs. */
  writeSysfs(path: string, text: string): Operation<Outcome> {
    return this.#sysfs().write(path, text);
  }
}

/** A path in the form that disks use, without a slash at the end. */
const onDisk = (absolute: string): string => (absolute === '/' ? '/' : absolute.replace(/\/$/, ''));
