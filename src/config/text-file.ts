// SPDX-License-Identifier: Apache-2.0
// Files a user names, read whole: bounded, so that a device or a wrong file does not take all memory, and text where text is
// expected.

import { isUtf8 } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';
import { ApemuError } from '../errors.ts';

const MIB = 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;

/** What a file is to its reader. */
export interface FileKind {
  /** As in "cannot read configuration FILE". */
  readonly name: string;
  /** Code of its errors. */
  readonly code: string;
  /** More is a mistake; far above what anybody writes. */
  readonly maxBytes: number;
}

export const CONFIGURATION: FileKind = {
  name: 'configuration',
  code: 'APEMU_ERR_CONFIG_READ',
  maxBytes: 16 * MIB,
};

/** Reproducers and generated programs may be long: a million lines are 30 MiB. */
export const PROGRAM: FileKind = {
  name: 'program',
  code: 'APEMU_ERR_PROGRAM_READ',
  maxBytes: 256 * MIB,
};

/** @throws ApemuError with the code of its kind, if it cannot be read or is too long */
export function readBytes(file: string, { name, code, maxBytes }: FileKind): Buffer {
  const chunks: Buffer[] = [];
  let total = 0;
  try {
    const fd = openSync(file, 'r');
    try {
      while (total <= maxBytes) {
        const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
        const read = readSync(fd, chunk);
        if (read === 0) return Buffer.concat(chunks);
        total += read;
        chunks.push(chunk.subarray(0, read));
      }
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    const message = `cannot read ${name} ${file}: ${errno}`;
    throw new ApemuError(code, message, { errno, place: { file }, cause });
  }
  const message = `the ${name} is too long (expected at most ${maxBytes / MIB} MiB)`;
  throw new ApemuError(code, message, { place: { file } });
}

/** @throws ApemuError as readBytes, and for what is no UTF-8 text, with the place where that shows */
export function readText(file: string, kind: FileKind): string {
  const bytes = readBytes(file, kind);
  const text = bytes.toString('utf8');
  const nul = text.indexOf('\0');
  if (nul < 0 && isUtf8(bytes)) return text;
  const before = text.slice(0, nul < 0 ? text.indexOf('\ufffd') : nul).split('\n');
  const place = { file, line: before.length, column: (before.at(-1) ?? '').length + 1 };
  throw new ApemuError(kind.code, `the ${kind.name} is no text (expected UTF-8)`, { place });
}
