// SPDX-License-Identifier: Apache-2.0
// Compares two areas of guest storage without allocating: word by word if they are short, with memcmp if they are long.

interface Views {
  readonly words: Int32Array;
  readonly bytes: Buffer;
}

/** Up to this number of bytes, comparing words is faster than a call out of JavaScript. */
const SHORT_BYTES = 256;

const known = new WeakMap<Uint8Array, Views>();
/** The storage that was compared last, and views of it, since a step compares many times in one storage. */
let last: Uint8Array | undefined;
let lastViews: Views | undefined;

const viewsOf = (storage: Uint8Array): Views => {
  if (storage === last && lastViews !== undefined) return lastViews;
  let views = known.get(storage);
  if (views === undefined) {
    const { buffer, byteOffset, length } = storage;
    // Storage that does not begin at a multiple of four has no view of words, so bytes are compared.
    const words = byteOffset % 4 === 0 ? length >> 2 : 0;
    views = {
      words: new Int32Array(buffer, words === 0 ? 0 : byteOffset, words),
      bytes: Buffer.from(buffer, byteOffset, length),
    };
    known.set(storage, views);
  }
  last = storage;
  lastViews = views;
  return views;
};

const sameWords = (words: Int32Array, a: number, b: number, count: number): boolean => {
  for (let i = 0; i < count; i++) if (words[a + i] !== words[b + i]) return false;
  return true;
};

/** Whether `length` bytes at `a` and at `b` are equal. */
export const sameStorage = (storage: Uint8Array, a: number, b: number, length: number): boolean => {
  const { words, bytes } = viewsOf(storage);
  let done = 0;
  if (length <= SHORT_BYTES && ((a | b) & 3) === 0 && words.length !== 0) {
    if (!sameWords(words, a >> 2, b >> 2, length >> 2)) return false;
    done = length & ~3;
  }
  if (done === length) return true;
  return bytes.compare(bytes, a + done, a + length, b + done, b + length) === 0;
};
