// SPDX-License-Identifier: Apache-2.0
// Standard input of commands.
// Source: POSIX.1-2017, shell command language, section 1.4: a command that reads leaves the rest to the next one.

/** Standard input. What one command leaves, the next one can read. */
export class Input {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Takes everything up to the end. */
  all(): string {
    const text = this.#text.slice(this.#at);
    this.#at = this.#text.length;
    return text;
  }

  /** Takes this many characters, or as many as there are. */
  take(count: number): string {
    const text = this.#text.slice(this.#at, this.#at + count);
    this.#at += text.length;
    return text;
  }

  /** Takes the text up to a delimiter, without it; undefined at the end. `ended` tells that the text ended before a delimiter came. */
  upTo(delimiter: string): { readonly text: string; readonly ended: boolean } | undefined {
    if (this.#at >= this.#text.length) return undefined;
    const end = this.#text.indexOf(delimiter, this.#at);
    const text = this.#text.slice(this.#at, end < 0 ? undefined : end);
    this.#at = end < 0 ? this.#text.length : end + delimiter.length;
    return { text, ended: end < 0 };
  }
}
