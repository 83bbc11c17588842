// SPDX-License-Identifier: Apache-2.0
// Files a user names, read whole: bounded, so that a device or a wrong file does not take all memory, and text where text is
// expected.

import { isUtf8 } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';
import { ApemuError } from '../errors.ts';
import { MIB } from '../units.ts';

const NEWLINE = 0x0a;
const CHUNK_BYTES = 256 * 1024;

/** The kind of a file and its limits. */
export interface FileKind {
  /** Name of the kind, as in "cannot read configuration FILE". */
  readonly name: string;
  /** Code of the ApemuError that is thrown for such a file. */
  readonly code: string;
  /** More is a mistake; far above what anybody writes. */
  readonly maxBytes: number;
  /** Highest number of lines, which need more memory than their bytes. */
  readonly maxLines: number;
}

export const CONFIGURATION: FileKind = {
  name: 'configuration',
  code: 'APEMU_ERR_CONFIG_READ',
  maxBytes: 16 * MIB,
  maxLines: 1_000_000,
};

/** Reproducers and generated programs may be long: a million lines are 30 MiB. */
export const PROGRAM: FileKind = {
  name: 'program',
  code: 'APEMU_ERR_PROGRAM_READ',
  maxBytes: 128 * MIB,
  maxLines: 2_000_000,
};

/** @throws ApemuError with the code of its kind, if it cannot be read or is too long */
export function readBytes(file: string, kind: FileKind): Buffer {
  const { name, code, maxBytes } = kind;
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
  throw tooLong(file, kind);
}

/** The error for a file that is longer than its kind. */
export function tooLong(file: string, { name, code, maxBytes }: FileKind): ApemuError {
  const message = `the ${name} is too long (expected at most ${maxBytes / MIB} MiB)`;
  return new ApemuError(code, message, { place: { file } });
}

/** @throws ApemuError as readBytes, and as textOf */
export function readText(file: string, kind: FileKind): string {
  return textOf(readBytes(file, kind), file, kind);
}

/** @throws ApemuError for more lines than the kind has, and for what is no UTF-8 text, with the place where that shows */
export function textOf(bytes: Buffer, file: string, kind: FileKind): string {
  const over = lineBeyond(bytes, kind.maxLines);
  if (over !== undefined) {
    const message = `the ${kind.name} is too long (expected at most ${kind.maxLines} lines)`;
    throw new ApemuError(kind.code, message, { place: { file, line: over } });
  }
  const text = bytes.toString('utf8');
  const nul = text.indexOf('\0');
  if (nul < 0 && isUtf8(bytes)) return text;
  const before = text.slice(0, nul < 0 ? text.indexOf('\ufffd') : nul).split('\n');
  const place = { file, line: before.length, column: (before.at(-1) ?? '').length + 1 };
  throw new ApemuError(kind.code, `the ${kind.name} is no text (expected UTF-8)`, { place });
}

/** The number of the first line beyond `max`, if there is one. */
function lineBeyond(bytes: Buffer, max: number): number | undefined {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1))
    if (++lines > max) return lines;
  return undefined;
}
