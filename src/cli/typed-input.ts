// SPDX-License-Identifier: Apache-2.0
// Standard input for a guest's console where it is no terminal: a pipe with commands. A guest loses what is typed while it boots.

import type { Writable } from 'node:stream';
import { owned } from '../qemu/streams.ts';

/** A mark is shorter: of what was shown so much is kept. */
const SHOWN_MAX = 4096;

/** Passes input on from the moment the guest's console has shown a mark. */
export class TypedInput {
  readonly #input: NodeJS.ReadableStream;
  readonly #mark: RegExp;
  #console: Writable | undefined;
  #shown = '';
  #begun = false;

  /** @param mark what the console shows when it reads commands */
  constructor(input: NodeJS.ReadableStream, mark: RegExp) {
    this.#input = owned(input);
    this.#mark = mark;
  }

  /** The guest's console, once there is one. */
  attach(console: Writable): void {
    this.#console = console;
    this.#begin();
  }

  /** Called with what the console shows. */
  shown(text: string): void {
    if (this.#begun) return;
    this.#shown += text;
    this.#begin();
    this.#shown = this.#shown.slice(-SHOWN_MAX);
  }

  /** Ends reading. Whoever still writes to this process does not keep it from ending. */
  close(): void {
    if (this.#console !== undefined) this.#input.unpipe(this.#console);
    this.#input.pause();
  }

  #begin(): void {
    if (this.#begun || this.#console === undefined || !this.#mark.test(this.#shown)) return;
    this.#begun = true;
    this.#shown = '';
    // The guest goes on when the commands end, since one of them may be `poweroff -f`.
    this.#input.pipe(this.#console, { end: false });
  }
}
