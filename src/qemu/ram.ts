// SPDX-License-Identifier: Apache-2.0
// Guest RAM as QEMU shares it: a file whose offsets are guest absolute addresses. It is read and written at positions, and not mapped.
// Source: docs/reference/qemu-attach.md section 4.

import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { ApemuError } from '../errors.ts';

/** File descriptor of storage that was closed. */
const CLOSED = -1;

/**
 * Guest absolute storage. Addresses are in bytes from absolute zero and may come from the guest: an access that is not wholly inside
 * storage, or comes after `close`, reads zeros or writes nothing, and is counted. So no address can make the file grow, and nothing can
 * reach a descriptor that has become somebody else's.
 */
export class GuestRam {
  /** Size of guest storage in bytes. */
  readonly size: number;
  /** Number of accesses that were refused. */
  refused = 0;
  #fd: number;
  /** Offset in the file of guest absolute zero. */
  #base: number;
  readonly #small = Buffer.alloc(8);

  constructor(fd: number, size: number, base = 0) {
    this.#fd = fd;
    this.size = size;
    this.#base = base;
  }

  /** File descriptor, for passing the file to QEMU. */
  get fd(): number {
    return this.#fd;
  }

  /** Whether all of `length` bytes at `address` are storage; false for an address that is not a whole number. */
  holds(address: number, length: number): boolean {
    return Number.isSafeInteger(address) && address >= 0 && address + length <= this.size;
  }

  /**
   * Reads `length` bytes at `address` into `target` from `offset` on.
   *
   * @returns false when it was refused; the bytes are zeros then
   */
  read(address: number, target: Uint8Array, offset = 0, length = target.length - offset): boolean {
    const allowed = this.#allows(address, length);
    const got = allowed ? readSync(this.#fd, target, offset, length, this.#base + address) : 0;
    if (got < length) target.fill(0, offset + got, offset + length);
    return allowed;
  }

  /**
   * Writes `length` bytes of `source` from `offset` on to `address`.
   *
   * @returns false when it was refused
   */
  write(address: number, source: Uint8Array, offset = 0, length = source.length - offset): boolean {
    const allowed = this.#allows(address, length);
    if (allowed) writeSync(this.#fd, source, offset, length, this.#base + address);
    return allowed;
  }

  /** Reads a doubleword as two halves into `into[0]` and `into[1]`. */
  readDoubleword(address: number, into: Uint32Array): void {
    this.read(address, this.#small, 0, 8);
    into[0] = this.#small.readUInt32BE(0);
    into[1] = this.#small.readUInt32BE(4);
  }

  /** Reads a word. */
  readWord(address: number): number {
    this.read(address, this.#small, 0, 4);
    return this.#small.readUInt32BE(0);
  }

  /** Writes a word. */
  writeWord(address: number, value: number): void {
    this.#small.writeUInt32BE(value >>> 0, 0);
    this.write(address, this.#small, 0, 4);
  }

  /** Writes a halfword. */
  writeHalfword(address: number, value: number): void {
    this.#small.writeUInt16BE(value, 0);
    this.write(address, this.#small, 0, 2);
  }

  /** The same file with a descriptor of its own, which stays open when this one is closed. */
  again(): GuestRam {
    return new GuestRam(openSync(`/proc/self/fd/${this.#fd}`, 'r+'), this.size, this.#base);
  }

  /** Takes over the file of `other`, by which the same storage is reached from now on. */
  become(other: GuestRam): void {
    this.close();
    this.#fd = other.#fd;
    this.#base = other.#base;
    other.#fd = CLOSED;
  }

  /** Closes the file. It can be called again. */
  close(): void {
    const fd = this.#fd;
    this.#fd = CLOSED;
    if (fd !== CLOSED) closeSync(fd);
  }

  #allows(address: number, length: number): boolean {
    if (this.#fd !== CLOSED && this.holds(address, length)) return true;
    this.refused++;
    return false;
  }
}

/**
 * Makes the RAM file of a guest that is to be started. When this returns, the file has no name any more, so that neither end, of apemu or
 * of QEMU, leaves it behind. QEMU inherits its file descriptor.
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
    const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const there = fstatSync(fd);
    if (there.isFile() && there.size >= size) return new GuestRam(fd, size);
    closeSync(fd);
  } catch (cause) {
    throw new ApemuError(
      'APEMU_ERR_QEMU_RAM',
      `cannot open the guest's memory file ${path}: ${(cause as Error).message}`,
      { cause },
    );
  }
  throw new ApemuError('APEMU_ERR_QEMU_RAM', `${path} is no file of the guest's ${size} bytes`);
}
