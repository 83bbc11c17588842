// SPDX-License-Identifier: Apache-2.0
// Reads little-endian numbers, LEB128 and strings from bytes. Reading beyond the end is an error.
// Source: WebAssembly core specification, section 5.2 (values); DWARF 4, section 7.6.

const text = new TextDecoder();

export class ByteReader {
  at: number;
  readonly end: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
    this.end = end;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  #take(bytes: number): number {
    const { at } = this;
    if (at + bytes > this.end) throw new RangeError(`cut off at byte ${at}`);
    this.at += bytes;
    return at;
  }

  u8(): number {
    return this.#bytes[this.#take(1)];
  }

  i8(): number {
    return this.#view.getInt8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  skip(bytes: number): void {
    this.#take(bytes);
  }

  /** Reads an unsigned LEB128 number. Above 2^53 it is inexact. */
  uleb(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  /** Reads a signed LEB128 number. */
  sleb(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return (byte & 0x40) === 0 ? value : value - factor * 128;
    }
  }

  /** Reads a string of this many bytes. */
  string(bytes: number): string {
    const at = this.#take(bytes);
    return text.decode(this.#bytes.subarray(at, at + bytes));
  }

  /** Reads a string up to a zero byte. */
  zeroString(): string {
    const end = this.#bytes.indexOf(0, this.at);
    if (end < 0 || end >= this.end)
      throw new RangeError(`a string without an end at byte ${this.at}`);
    const found = text.decode(this.#bytes.subarray(this.at, end));
    this.at = end + 1;
    return found;
  }
}
