// SPDX-License-Identifier: Apache-2.0
// What the command views share: their result, and reading of the tree the way the programs do it.
// Source: docs/reference/vfio-ap.md section 7; VD-27.
import type { Sysfs } from './sysfs.ts';

export { type CommandResult, done, failed } from '../s390-tools/result.ts';

/** First line of a file, or undefined if it cannot be read. */
export function readLine(sysfs: Sysfs, path: string): string | undefined {
  return readLines(sysfs, path)?.[0];
}

/** Lines of a file, or undefined if it cannot be read. */
export function readLines(sysfs: Sysfs, path: string): string[] | undefined {
  const result = sysfs.read(path);
  return result.ok ? result.text.replace(/\n$/, '').split('\n') : undefined;
}

/** Names in a directory that match, in name order. */
export function namesIn(sysfs: Sysfs, path: string, pattern: RegExp): string[] {
  const listing = sysfs.list(path);
  return listing.ok ? listing.names.filter((name) => pattern.test(name)) : [];
}

/** Name of the driver a device is bound to. */
export function driverOf(sysfs: Sysfs, path: string): string | undefined {
  const link = sysfs.readlink(`${path}/driver`);
  return link.ok ? link.text.slice(link.text.lastIndexOf('/') + 1) : undefined;
}
