// SPDX-License-Identifier: Apache-2.0
// Recordings as files: plain, or packed with gzip or Brotli.
// Source: test/golden/README.md.
import { writeFileSync } from 'node:fs';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { type FileKind, readBytes, textOf, tooLong } from '../config/text-file.ts';
import { ApemuError } from '../errors.ts';

/** A recording of a day is far shorter; unpacked, too: a gzip of a few kilobytes unpacks to gigabytes of empty lines. */
const RECORDING: FileKind = {
  name: 'recording',
  code: 'APEMU_ERR_GOLDEN_READ',
  maxBytes: 128 * 1024 * 1024,
  maxLines: 1_000_000,
};

/** Text of a recording. Brotli has no magic number: the name says it (`.br`). */
export function readRecording(file: string): string {
  const bytes = readBytes(file, RECORDING);
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const unpack = packed ? gunzipSync : file.endsWith('.br') ? brotliDecompressSync : undefined;
  return textOf(unpack === undefined ? bytes : unpacked(bytes, file, unpack), file, RECORDING);
}

/** Writes a recording, packed as its name says. @throws ApemuError APEMU_ERR_GOLDEN_WRITE */
export function writeRecording(file: string, text: string): void {
  const pack = file.endsWith('.gz')
    ? gzipSync
    : file.endsWith('.br')
      ? brotliCompressSync
      : undefined;
  try {
    writeFileSync(file, pack === undefined ? text : pack(text));
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    throw new ApemuError('APEMU_ERR_GOLDEN_WRITE', `cannot write recording ${file}: ${errno}`, {
      errno,
      place: { file },
      cause,
    });
  }
}

function unpacked(bytes: Buffer, file: string, unpack: typeof gunzipSync): Buffer {
  try {
    return unpack(bytes, { maxOutputLength: RECORDING.maxBytes });
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    if (errno === 'ERR_BUFFER_TOO_LARGE') throw tooLong(file, RECORDING);
    throw new ApemuError('APEMU_ERR_GOLDEN_READ', `cannot read recording ${file}: ${errno}`, {
      errno,
      place: { file },
      cause,
    });
  }
}
