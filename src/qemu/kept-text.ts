// SPDX-License-Identifier: Apache-2.0
// What a guest prints, of which it may print without end: the newest of it is kept, and places are counted from the beginning of all.

/** Characters. More than any command of ours prints: the symbols of a kernel are 10 MiB. V8 has no string of 512 MiB. */
const CONSOLE_MAX = 64 * 0x100000;
/** Characters of a chunk: adding to a string costs V8 a copy of it when it is looked at next. */
const CHUNK_MAX = 16 * 0x400;
/** Characters. Nobody looks for the beginning of a longer line. */
const SEARCHED_LINE_MAX = 4096;

interface Chunk {
  /** Place of its first character. */
  readonly at: number;
  text: string;
}

export class KeptText {
  readonly #max: number;
  readonly #chunkMax: number;
  #chunks: Chunk[] = [];
  #end = 0;

  /** @param max so many characters are kept once there were as many, and at most one chunk or piece more */
  constructor(max = CONSOLE_MAX) {
    this.#max = max;
    this.#chunkMax = Math.min(CHUNK_MAX, max);
  }

  add(piece: string): void {
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.text.length + piece.length <= this.#chunkMax) last.text += piece;
    else this.#chunks.push({ at: this.#end, text: piece });
    this.#end += piece.length;
    const [first, second] = this.#chunks;
    if (first !== undefined && second !== undefined && this.#end - second.at >= this.#max)
      this.#chunks.shift();
  }

  /** What is kept. */
  get text(): string {
    return this.between(0);
  }

  /** Place behind the last character. */
  get end(): number {
    return this.#end;
  }

  /** What lies between two places, as far as it is kept. */
  between(from: number, to: number = this.#end): string {
    const parts: string[] = [];
    for (let n = this.#chunks.length - 1; n >= 0; n--) {
      const { at, text } = this.#chunks[n] as Chunk;
      if (at < to) parts.push(text.slice(Math.max(0, from - at), Math.max(0, to - at)));
      if (at <= from) break;
    }
    return parts.reverse().join('');
  }

  /** Place at which the line of another place begins; that place itself if the line is very long. */
  lineBefore(place: number): number {
    const from = Math.max(this.#start, place - SEARCHED_LINE_MAX);
    const newline = this.between(from, place).lastIndexOf('\n');
    if (newline >= 0) return from + newline + 1;
    return from === this.#start ? from : place;
  }

  /** The first match at or behind a place, and the place where it begins; undefined if there is none. */
  find(
    pattern: RegExp,
    from: number,
  ): { readonly match: RegExpExecArray; readonly at: number } | undefined {
    const begin = Math.max(from, this.#start);
    const match = pattern.exec(this.between(begin));
    return match === null ? undefined : { match, at: begin + match.index };
  }

  /** Forgets what is kept. Places go on. */
  clear(): void {
    this.#chunks = [];
  }

  /** Place of the first character that is kept. */
  get #start(): number {
    return this.#chunks[0]?.at ?? this.#end;
  }
}
