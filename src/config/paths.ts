// SPDX-License-Identifier: Apache-2.0
// Paths that a file names, relative to that file.

import { dirname, isAbsolute, join } from 'node:path';

export const isAbsolutePath = isAbsolute;
export const joinPath = join;
/** The folder of a file; the working directory if there is no file. */
export const directoryOf = (file: string | undefined): string =>
  file === undefined ? '.' : dirname(file);
