// SPDX-License-Identifier: Apache-2.0
// Copies of bytes that stay: many small ones share one piece of memory, since a piece for each takes four times as long.

const PIECE_BYTES = 0x10000;
/** Copies begin at such places. */
const ALIGNED = 8;

export class ByteCopies {
  #piece = new Uint8Array(0);
  #used = 0;

  /** A copy that nobody else writes. */
  of(bytes: Uint8Array): Uint8Array {
    if (bytes.length > PIECE_BYTES / 4) return bytes.slice();
    if (this.#used + bytes.length > this.#piece.length) {
      this.#piece = new Uint8Array(PIECE_BYTES);
      this.#used = 0;
    }
    const copy = this.#piece.subarray(this.#used, this.#used + bytes.length);
    copy.set(bytes);
    this.#used += Math.ceil(bytes.length / ALIGNED) * ALIGNED;
    return copy;
  }
}
