// SPDX-License-Identifier: Apache-2.0
// Guest RAM as QEMU shares it: a file whose offsets are guest absolute addresses. Positional reads and writes, no mapping.
// Source: docs/reference/qemu-attach.md section 4.

import { closeSync, fstatSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { ApemuError } from '../errors.ts';

/** Guest absolute storage. Addresses are bytes from absolute zero; the caller keeps them within `size`. */
export class GuestRam {
  /** Bytes of guest storage. */
  readonly size: number;
  readonly #fd: number;
  readonly #small = Buffer.alloc(16);

  constructor(fd: number, size: number) {
    this.#fd = fd;
    this.size = size;
  }

  /** File descriptor, for handing the file to QEMU. */
  get fd(): number {
    return this.#fd;
  }

  /** Reads `length` bytes at `address` into `target` from `offset` on. */
  read(address: number, target: Uint8Array, offset = 0, length = target.length - offset): void {
    const got = readSync(this.#fd, target, offset, length, address);
    if (got < length) target.fill(0, offset + got, offset + length);
  }

  /** Writes `length` bytes of `source` from `offset` on to `address`. */
  write(address: number, source: Uint8Array, offset = 0, length = source.length - offset): void {
    writeSync(this.#fd, source, offset, length, address);
  }

  /** Reads a doubleword as two halves into `into[0]` and `into[1]`. */
  readDoubleword(address: number, into: Uint32Array): void {
    readSync(this.#fd, this.#small, 0, 8, address);
    into[0] = this.#small.readUInt32BE(0);
    into[1] = this.#small.readUInt32BE(4);
  }

  /** Reads a word. */
  readWord(address: number): number {
    readSync(this.#fd, this.#small, 0, 4, address);
    return this.#small.readUInt32BE(0);
  }

  /** Writes a word. */
  writeWord(address: number, value: number): void {
    this.#small.writeUInt32BE(value >>> 0, 0);
    writeSync(this.#fd, this.#small, 0, 4, address);
  }

  /** Writes a halfword. */
  writeHalfword(address: number, value: number): void {
    this.#small.writeUInt16BE(value, 0);
    writeSync(this.#fd, this.#small, 0, 2, address);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/**
 * Makes the RAM file of a guest to be started. The file has no name any more when this returns, so no ending of ours or of
 * QEMU's leaves it behind; QEMU gets it as an inherited file descriptor.
 *
 * @param directory a tmpfs directory, `/dev/shm` as a rule
 */
export function createRam(directory: string, name: string, size: number): GuestRam {
  const path = `${directory}/${name}`;
  let fd: number;
  try {
    fd = openSync(path, 'wx+', 0o600);
  } catch (cause) {
    throw new ApemuError(
      'APEMU_ERR_QEMU_RAM',
      `cannot make the guest's memory in ${directory}: ${(cause as Error).message}. Name another tmpfs directory.`,
      { cause },
    );
  }
  unlinkSync(path);
  return new GuestRam(fd, size);
}

/** Opens the RAM file of a QEMU that is already running. */
export function openRam(path: string, size: number): GuestRam {
  try {
    const fd = openSync(path, 'r+');
    if (fstatSync(fd).size >= size) return new GuestRam(fd, size);
    closeSync(fd);
  } catch (cause) {
    throw new ApemuError(
      'APEMU_ERR_QEMU_RAM',
      `cannot open the guest's memory file ${path}: ${(cause as Error).message}`,
      { cause },
    );
  }
  throw new ApemuError('APEMU_ERR_QEMU_RAM', `${path} is smaller than the guest's ${size} bytes`);
}
