// SPDX-License-Identifier: Apache-2.0
// Random numbers of a shell, which are the same for the same seed.
import { asFraction, nextRandom, seedRandom } from '../lpar/random.ts';

/** Makes the generator of UUIDs differ from those of other users of the machine's seed. */
const UUID_STREAM = 0x5e11;

export class ShellRandom {
  #random: number;

  constructor(seed: number) {
    this.#random = seedRandom(seed, UUID_STREAM);
  }

  /** The next value of `$RANDOM`, 0 to 32767. */
  next(): number {
    this.#random = nextRandom(this.#random);
    return Math.floor(asFraction(this.#random) * 0x8000);
  }

  /** A random UUID of version 4, from the seed. */
  uuid(): string {
    const bytes = Array.from({ length: 16 }, () => {
      this.#random = nextRandom(this.#random);
      return Math.floor(asFraction(this.#random) * 256);
    });
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }
}
