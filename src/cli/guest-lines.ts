// SPDX-License-Identifier: Apache-2.0
// Consoles of several guests in one output: whole lines, each with its guest's name.

/** A longer line is shown in pieces: a guest may print one that never ends. */
const SHOWN_LINE_MAX = 65536;

/** Shows a guest's output line by line; what is left of a line stays until the rest comes, or `flush`. */
export class GuestLines {
  readonly #out: (text: string) => void;
  readonly #rests = new Map<string, string>();

  constructor(out: (text: string) => void) {
    this.#out = out;
  }

  shown(guest: string, text: string): void {
    const lines = `${this.#rests.get(guest) ?? ''}${text}`.split('\n');
    const rest = lines.pop() as string;
    if (rest.length > SHOWN_LINE_MAX) lines.push(rest);
    this.#rests.set(guest, rest.length > SHOWN_LINE_MAX ? '' : rest);
    for (const line of lines) this.#out(`${guest}: ${line}\n`);
  }

  /** Shows lines that have no end yet. */
  flush(): void {
    for (const [guest, rest] of this.#rests) if (rest !== '') this.#out(`${guest}: ${rest}\n`);
    this.#rests.clear();
  }
}
