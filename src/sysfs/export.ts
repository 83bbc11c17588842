// SPDX-License-Identifier: Apache-2.0
// The tree as a directory snapshot that unmodified programs can read.
// Source: docs/reference/vfio-ap.md VD-27.
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolders } from '../config/make-folders.ts';
import { MOUNT_POINT, type Sysfs } from './sysfs.ts';

/** One entry of a snapshot. `path` begins at the mount point. Parents come before their children. */
export type SnapshotEntry =
  | { readonly kind: 'dir'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly text: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string };

/**
 * Everything below `path`. Files that only take writes, and those that make something new at each reading, are empty; a read that fails
 * is an empty file too.
 */
export function* snapshot(sysfs: Sysfs, path = MOUNT_POINT): Iterable<SnapshotEntry> {
  const status = sysfs.lstat(path);
  if (!status.ok) return;
  if (status.kind === 'link') {
    const target = sysfs.readlink(path);
    if (target.ok) yield { kind: 'link', path, target: target.text };
  } else if (status.kind === 'file') {
    const text = status.fresh ? undefined : sysfs.read(path);
    yield { kind: 'file', path, mode: status.mode, text: text?.ok ? text.text : '' };
  } else {
    yield { kind: 'dir', path };
    const listing = sysfs.list(path);
    if (listing.ok) for (const name of listing.names) yield* snapshot(sysfs, `${path}/${name}`);
  }
}

/** Writes the snapshot into a new directory: what is /sys/bus/ap is DIRECTORY/sys/bus/ap. Returns the number of entries. */
export function exportSnapshot(sysfs: Sysfs, target: string): number {
  let entries = 0;
  for (const entry of snapshot(sysfs)) {
    const path = join(target, entry.path);
    if (entry.kind === 'dir') makeFolders(path);
    else if (entry.kind === 'link') symlinkSync(entry.target, path);
    else writeFileSync(path, entry.text, { mode: entry.mode | 0o200, encoding: 'latin1' });
    entries++;
  }
  return entries;
}
