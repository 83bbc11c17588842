// SPDX-License-Identifier: Apache-2.0
// The private folder of a QEMU we start, for its sockets. Who was killed could not remove its own: the next start does.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'apemu-qemu-';
const OWNER = new RegExp(`^${PREFIX}(\\d+)-`);

/** Makes a folder only this user can enter. Folders of processes that have ended are removed. */
export function makeFolder(directory = tmpdir()): string {
  for (const name of readdirSync(directory)) {
    const owner = OWNER.exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) remove(join(directory, name));
  }
  return mkdtempSync(join(directory, `${PREFIX}${process.pid}-`));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process may not be signalled; it is there all the same.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Another user's folder is that user's to remove.
  }
}
