// SPDX-License-Identifier: Apache-2.0
// Makes a folder that a user has named, with those above it. The function of Node.js for that never ends where a folder that exists takes
// none (ENOENT, as in /proc): it goes up to the folder that is there, down to the one that is not, and again (seen in 20.20).

import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** @throws NodeJS.ErrnoException if a folder cannot be made, or something else has its name */
export function makeFolders(path: string, mode?: number): void {
  if (isFolder(path)) return;
  const above = dirname(path);
  if (above !== path) makeFolders(above, mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (!isFolder(path)) throw error;
  }
}
