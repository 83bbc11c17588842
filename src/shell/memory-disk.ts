// SPDX-License-Identifier: Apache-2.0
// Files in memory: what a script writes outside /sys, unless it may use the computer's files. They are lost when the shell ends.
// Source: Filesystem Hierarchy Standard 3.0, chapter 3 (folders a system has).
import type { Errno, Outcome } from '../ap-bus/errno.ts';
import type { Listing, Status } from '../sysfs/sysfs.ts';
import type { Disk } from './files.ts';

/** Limits: bytes of all files together, and number of files and folders. */
const MAX_DISK_BYTES = 0x8000000;
const MAX_ENTRIES = 10_000;
const FOLDERS = [
  '/etc',
  '/home',
  '/opt',
  '/proc',
  '/root',
  '/run',
  '/tmp',
  '/usr',
  '/var',
  '/var/lib',
];

type Entry = Uint8Array | 'folder';

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const EMPTY = new Uint8Array();

/** A disk in memory. Paths are absolute and normal: no `.`, no `..`, no double slash. */
export class MemoryDisk implements Disk {
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(files: Readonly<Record<string, string>> = {}) {
    for (const folder of FOLDERS) this.#entries.set(folder, 'folder');
    for (const [path, text] of Object.entries(files)) {
      for (let up = parentOf(path); up !== '/'; up = parentOf(up)) this.#entries.set(up, 'folder');
      this.write(path, new TextEncoder().encode(text), false);
    }
  }

  read(path: string): ReturnType<Disk['read']> {
    const entry = this.#entries.get(path);
    if (entry instanceof Uint8Array) return { ok: true, bytes: entry };
    return {
      ok: false,
      errno: path === '/' || entry === 'folder' ? 'EISDIR' : this.#missing(path),
    };
  }

  write(path: string, bytes: Uint8Array, append: boolean): Outcome {
    const entry = this.#entries.get(path);
    if (entry === 'folder' || path === '/') return 'EISDIR';
    const refused = entry === undefined ? this.#refused(path) : undefined;
    if (refused !== undefined) return refused;
    const before = append ? (entry ?? EMPTY) : EMPTY;
    const size = before.length + bytes.length;
    if (size > MAX_DISK_BYTES) return 'EFBIG';
    if (this.#bytes - (entry?.length ?? 0) + size > MAX_DISK_BYTES) return 'ENOSPC';
    this.#bytes += size - (entry?.length ?? 0);
    const whole = new Uint8Array(size);
    whole.set(before);
    whole.set(bytes, before.length);
    this.#entries.set(path, whole);
    return 'ok';
  }

  list(path: string): Listing {
    if (path !== '/' && this.#entries.get(path) !== 'folder') {
      return { ok: false, errno: this.#entries.has(path) ? 'ENOTDIR' : this.#missing(path) };
    }
    const names = [...this.#entries.keys()].filter((entry) => parentOf(entry) === path);
    return { ok: true, names: names.map(nameOf).sort() };
  }

  stat(path: string): Status {
    if (path === '/') return { ok: true, kind: 'dir', mode: 0o755 };
    const entry = this.#entries.get(path);
    if (entry === undefined) return { ok: false, errno: this.#missing(path) };
    if (entry === 'folder') return { ok: true, kind: 'dir', mode: 0o755 };
    return { ok: true, kind: 'file', mode: 0o644 };
  }

  makeFolder(path: string): Outcome {
    if (path === '/' || this.#entries.has(path)) return 'EEXIST';
    const refused = this.#refused(path);
    if (refused !== undefined) return refused;
    this.#entries.set(path, 'folder');
    return 'ok';
  }

  remove(path: string): Outcome {
    const entry = this.#entries.get(path);
    if (entry === undefined) return this.#missing(path);
    const listing = this.list(path);
    if (listing.ok && listing.names.length > 0) return 'ENOTEMPTY';
    if (entry !== 'folder') this.#bytes -= entry.length;
    this.#entries.delete(path);
    return 'ok';
  }

  /** Why a new entry cannot be made; undefined if it can. */
  #refused(path: string): Errno | undefined {
    const parent = this.stat(parentOf(path));
    if (!parent.ok) return parent.errno;
    if (parent.kind !== 'dir') return 'ENOTDIR';
    return this.#entries.size >= MAX_ENTRIES ? 'ENOSPC' : undefined;
  }

  /** The errno for a path that does not exist: ENOTDIR if something on the way is a file. */
  #missing(path: string): Errno {
    for (let up = parentOf(path); up !== '/'; up = parentOf(up))
      if (this.#entries.get(up) instanceof Uint8Array) return 'ENOTDIR';
    return 'ENOENT';
  }
}
