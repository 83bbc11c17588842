// SPDX-License-Identifier: Apache-2.0
// Writes cpio archives in newc format, which is the format of an initramfs. Device nodes are only header fields, so no privileges are
// needed.
// Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.

/** One member of an archive. */
export interface CpioEntry {
  /** Path without leading slash. */
  readonly path: string;
  /** File type and permission bits, as in st_mode. */
  readonly mode: number;
  /** Contents: the file's bytes, or the target of a symbolic link. */
  readonly data?: Uint8Array;
  /** Major and minor number of a device node. */
  readonly device?: readonly [number, number];
}

const MODE_DIRECTORY = 0o040755;
export const MODE_FILE = 0o100644;
export const MODE_PROGRAM = 0o100755;
export const MODE_LINK = 0o120777;
export const MODE_CHARACTER_DEVICE = 0o020600;

const MAGIC = '070701';
const TRAILER = 'TRAILER!!!';
const NOTHING = new Uint8Array(0);

/** An archive of the entries in their order, with the directories that they need before them. */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  const known = new Set<string>();
  let inode = 1;
  const add = (entry: CpioEntry) => {
    if (known.has(entry.path)) return;
    known.add(entry.path);
    parts.push(...member(entry, inode++));
  };
  for (const entry of entries) {
    const folders = entry.path.split('/').slice(0, -1);
    folders.forEach((_folder, depth) => {
      add({ path: folders.slice(0, depth + 1).join('/'), mode: MODE_DIRECTORY });
    });
    add(entry);
  }
  parts.push(...member({ path: TRAILER, mode: 0 }, 0));
  return Buffer.concat(parts);
}

/** Header, name and contents of one member, each padded to a multiple of four bytes. */
function member(entry: CpioEntry, inode: number): Uint8Array[] {
  const data = entry.data ?? NOTHING;
  const [major, minor] = entry.device ?? [0, 0];
  const links = entry.mode === MODE_DIRECTORY ? 2 : 1;
  const name = Buffer.from(`${entry.path}\0`);
  // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  const fields = [
    inode,
    entry.mode,
    0,
    0,
    links,
    0,
    data.length,
    0,
    0,
    major,
    minor,
    name.length,
    0,
  ];
  const header = MAGIC + fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  return [
    Buffer.concat([Buffer.from(header), name, padding(header.length + name.length)]),
    data,
    padding(data.length),
  ];
}

function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}
