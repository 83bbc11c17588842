// SPDX-License-Identifier: Apache-2.0
// A page as a file: `--html` of commands.

import { writeFileSync } from 'node:fs';
import { ApemuError } from '../errors.ts';

/** @throws ApemuError `APEMU_ERR_USAGE_HTML` if it cannot be written */
export function writePage(file: string, html: string): void {
  try {
    writeFileSync(file, html);
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    throw new ApemuError('APEMU_ERR_USAGE_HTML', `cannot write ${file}: ${errno}`, {
      errno,
      cause,
    });
  }
}
