// SPDX-License-Identifier: Apache-2.0
// Files that a command writes when its work is done, such as `--html` and `--junit`. Whether they can be written is looked at before the
// work begins, since nobody wants to learn that after an hour.

import { accessSync, constants, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ApemuError } from '../errors.ts';

/** Value of an option that names such a file. @throws ApemuError APEMU_ERR_USAGE_SAVE if it cannot be written */
export function outputOption(file: string): string {
  try {
    const there = statSync(file, { throwIfNoEntry: false });
    if (there?.isDirectory() === true) throw Object.assign(new Error(), { code: 'EISDIR' });
    // With the slash, a file in place of the folder is told as one.
    accessSync(there === undefined ? join(dirname(file), '/') : file, constants.W_OK);
  } catch (cause) {
    throw cannotWrite(file, cause);
  }
  return file;
}

/** @throws ApemuError APEMU_ERR_USAGE_SAVE if it cannot be written */
export function writeOutput(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw cannotWrite(file, cause);
  }
}

const cannotWrite = (file: string, cause: unknown): ApemuError => {
  const errno = (cause as NodeJS.ErrnoException).code ?? 'unknown';
  const message = `cannot write ${file}: ${errno}`;
  return new ApemuError('APEMU_ERR_USAGE_SAVE', message, { errno, cause });
};
