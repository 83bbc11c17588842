// SPDX-License-Identifier: Apache-2.0
// The tree as a program sees it: open, read, write, readlink, list, with errno names as results.
// Source: docs/reference/vfio-ap.md section 3.1 (fs/kernfs/file.c: kernfs_fop_open, kernfs_fop_write_iter; fs/sysfs/file.c).
import { PAGE_BYTES } from '../../native-like/arch/limits.ts';
import { READ_ONLY, WRITE_ONLY } from '../ap-bus/attribute.ts';
import { finishAtOnce } from '../ap-bus/driving.ts';
import type { Errno, Outcome } from '../ap-bus/errno.ts';
import { isOperation, type Operation, withLocks } from '../ap-bus/operation.ts';
import type { Directory, FileNode, SysfsNode } from './node.ts';

/** Path at which the tree is mounted. */
export const MOUNT_POINT = '/sys';
/** Number of links that are followed before ELOOP. */
const MAX_LINKS = 40;

export type ReadResult =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly errno: Errno };
export type Listing =
  | { readonly ok: true; readonly names: readonly string[] }
  | { readonly ok: false; readonly errno: Errno };
export type Status =
  | {
      readonly ok: true;
      readonly kind: 'dir' | 'file' | 'link' | 'char';
      readonly mode: number;
      /** Each reading makes something new. */
      readonly fresh?: boolean;
    }
  | { readonly ok: false; readonly errno: Errno };

type Found =
  | { readonly ok: true; readonly node: SysfsNode; readonly path: readonly string[] }
  | { readonly ok: false; readonly errno: Errno };

const ENOENT = { ok: false, errno: 'ENOENT' } as const;

/** Characters to bytes, one character each, as write(2) carries them. */
function byteText(data: string | Uint8Array): string {
  if (typeof data === 'string') {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is the test.
    if (/^[\x00-\x7f]*$/.test(data)) return data;
    return byteText(new TextEncoder().encode(data));
  }
  let text = '';
  for (const byte of data) text += String.fromCharCode(byte);
  return text;
}

/** The file system /sys with its root directory. */
export class Sysfs {
  readonly root: Directory;
  /** Number of writes that were begun. */
  writes = 0;

  constructor(root: Directory) {
    this.root = root;
  }

  /** Text of a file. EINTR: the read would sleep behind a running operation (use `readOperation`). */
  read(path: string): ReadResult {
    return finishAtOnce(this.readOperation(path))?.value ?? { ok: false, errno: 'EINTR' };
  }

  /** As `read`, but waits for locks. */
  *readOperation(path: string): Operation<ReadResult> {
    const file = this.#open(path, WRITE_ONLY);
    if ('errno' in file) return { ok: false, errno: file.errno };
    const shown = yield* withLocks(file.readLocks(), () => file.show());
    if (typeof shown !== 'string') return { ok: false, errno: shown.errno };
    const cut = shown.length > PAGE_BYTES && file.debugfs !== true;
    return { ok: true, text: cut ? shown.slice(0, PAGE_BYTES) : shown };
  }

  /** What `cat`'s counterpart does: as many writes as the text has pages, ending at the first that fails. */
  *write(path: string, data: string | Uint8Array): Operation<Outcome> {
    const text = byteText(data);
    let at = 0;
    do {
      const outcome = yield* this.writeOnce(path, text.slice(at, at + PAGE_BYTES));
      if (outcome !== 'ok') return outcome;
      at += PAGE_BYTES;
    } while (at < text.length);
    return 'ok';
  }

  /** Makes one write(2). Returns `ok`, an errno, or `partial N` if only N bytes (a page) were taken. */
  *writeBytes(path: string, data: string | Uint8Array): Operation<Outcome | `partial ${number}`> {
    const text = byteText(data);
    const outcome = yield* this.writeOnce(path, text);
    return outcome === 'ok' && text.length > PAGE_BYTES ? `partial ${PAGE_BYTES}` : outcome;
  }

  /** Makes one write(2) of at most a page of byte characters; no more is taken. An empty write succeeds and does nothing. */
  *writeOnce(path: string, text: string): Operation<Outcome> {
    const file = this.#open(path, READ_ONLY);
    if ('errno' in file) return file.errno;
    if (text === '') return 'ok';
    this.writes++;
    const result = file.store(text.slice(0, PAGE_BYTES));
    return isOperation(result) ? yield* result : result;
  }

  /** Names in a directory, sorted as `ls` sorts them. */
  list(path: string): Listing {
    const found = this.#walk(path, true);
    if (!found.ok) return found;
    if (found.node.kind !== 'dir') return { ok: false, errno: 'ENOTDIR' };
    return { ok: true, names: [...found.node.names()].sort() };
  }

  /** The target of a link; EINVAL for what is not a link. */
  readlink(path: string): ReadResult {
    const found = this.#walk(path, false);
    if (!found.ok) return found;
    if (found.node.kind !== 'link') return { ok: false, errno: 'EINVAL' };
    return { ok: true, text: found.node.target };
  }

  /** lstat(2): the status of the link itself. */
  lstat(path: string): Status {
    return this.#status(path, false);
  }

  stat(path: string): Status {
    return this.#status(path, true);
  }

  exists(path: string): boolean {
    return this.#walk(path, true).ok;
  }

  /** The absolute path without links. */
  realpath(path: string): ReadResult {
    const found = this.#walk(path, true);
    return found.ok ? { ok: true, text: [MOUNT_POINT, ...found.path].join('/') } : found;
  }

  #status(path: string, follow: boolean): Status {
    const found = this.#walk(path, follow);
    if (!found.ok) return found;
    const { node } = found;
    const fresh = node.kind === 'file' && node.fresh === true;
    const mode = node.kind === 'file' ? node.mode : node.kind === 'dir' ? 0o755 : 0o777;
    return { ok: true, kind: node.kind, mode, ...(fresh ? { fresh } : {}) };
  }

  #open(path: string, refused: typeof READ_ONLY | typeof WRITE_ONLY): FileNode | { errno: Errno } {
    const found = this.#walk(path, true);
    if (!found.ok) return found;
    const { node } = found;
    if (node.kind === 'dir') return { errno: 'EISDIR' };
    if (node.kind === 'link') return { errno: 'ELOOP' };
    return node.mode === refused && node.debugfs !== true ? { errno: 'EACCES' } : node;
  }

  #walk(path: string, followLast: boolean): Found {
    if (path !== MOUNT_POINT && !path.startsWith(`${MOUNT_POINT}/`)) return ENOENT;
    const todo = path.slice(MOUNT_POINT.length).split('/').reverse();
    const names: string[] = [];
    const nodes: SysfsNode[] = [this.root];
    let links = 0;
    while (todo.length > 0) {
      const name = todo.pop() as string;
      if (name === '' || name === '.') continue;
      const here = nodes.at(-1) as SysfsNode;
      if (here.kind !== 'dir') return { ok: false, errno: 'ENOTDIR' };
      if (name === '..') {
        if (names.length === 0) return ENOENT;
        names.pop();
        nodes.pop();
        continue;
      }
      const child = here.child(name);
      if (child === undefined) return ENOENT;
      if (child.kind === 'link' && (followLast || todo.some((part) => part !== ''))) {
        if (++links > MAX_LINKS) return { ok: false, errno: 'ELOOP' };
        todo.push(...child.target.split('/').reverse());
        continue;
      }
      names.push(name);
      nodes.push(child);
    }
    const node = nodes.at(-1) as SysfsNode;
    if (path.endsWith('/') && node.kind === 'file') return { ok: false, errno: 'ENOTDIR' };
    return { ok: true, node, path: names };
  }
}
