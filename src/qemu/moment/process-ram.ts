// SPDX-License-Identifier: Apache-2.0
// Guest RAM that QEMU has as a private copy of a file. What the guest writes is in QEMU's own pages, so it is reached through the memory
// of the process and not through the file.
// Source: proc(5), /proc/PID/maps and /proc/PID/mem.
import { fstatSync, openSync, readFileSync } from 'node:fs';
import { ApemuError } from '../../errors.ts';
import { GuestRam } from '../ram.ts';

/** A line for a mapping that is private and can be written: `start-end perms offset dev inode path`. */
const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) rw-p 0+ \S+ (\d+)/;

/** Address in a process at which the beginning of a file is mapped, with at least `size` bytes; undefined if it is not mapped. */
const mappedAt = (maps: string, inode: number, size: number): number | undefined => {
  for (const line of maps.split('\n')) {
    const [, start = '', end = '', file] = MAPPING.exec(line) ?? [];
    const from = Number.parseInt(start, 16);
    if (Number(file) === inode && Number.parseInt(end, 16) - from >= size) return from;
  }
  return undefined;
};

/**
 * Opens the RAM of a QEMU that apemu started and whose backend is a private mapping of `file`.
 *
 * @throws ApemuError APEMU_ERR_QEMU_RAM if the process cannot be looked into
 */
export function openProcessRam(pid: number, file: GuestRam): GuestRam {
  const { size } = file;
  try {
    const maps = readFileSync(`/proc/${pid}/maps`, 'latin1');
    const base = mappedAt(maps, fstatSync(file.fd).ino, size);
    if (base === undefined) throw new Error('its memory is not mapped');
    return new GuestRam(openSync(`/proc/${pid}/mem`, 'r+'), size, base);
  } catch (cause) {
    throw new ApemuError(
      'APEMU_ERR_QEMU_RAM',
      `cannot reach the memory of QEMU (process ${pid}) that a kept moment needs: ${(cause as Error).message} (expected a Linux whose /proc lets a program look into what it has started)`,
      { cause },
    );
  }
}
