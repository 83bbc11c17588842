// SPDX-License-Identifier: Apache-2.0
// Private folders: of a QEMU we start, for its sockets, and of a guest image that is being made. Who was killed could not remove its
// own: the next start does.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Makes a folder only this user can enter. Folders of the same prefix whose processes have ended are removed. */
export function makeFolder(directory = tmpdir(), prefix = 'apemu-qemu-'): string {
  for (const name of readdirSync(directory)) {
    const owner = name.startsWith(prefix) ? /^\d+(?=-)/.exec(name.slice(prefix.length)) : null;
    if (owner !== null && !isAlive(Number(owner[0]))) removeFolder(join(directory, name));
  }
  return mkdtempSync(join(directory, `${prefix}${process.pid}-`));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user cannot be signalled, but it exists.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Removes such a folder with all that is in it. */
export function removeFolder(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // A folder of another user is left to that user.
  }
}
