// SPDX-License-Identifier: Apache-2.0
// A shell that a page asks, here or at a socket: a line at a time, and what it printed comes back.

import type { RemoteOutput } from '../shell-remote.ts';

export interface Told {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

interface Runs {
  run(text: string): Promise<number>;
  close(): void;
}

export class AskedShell {
  readonly #shell: Runs;
  readonly #text: { out: string; err: string };
  #last: Promise<unknown> = Promise.resolve();

  private constructor(shell: Runs, text: { out: string; err: string }) {
    this.#shell = shell;
    this.#text = text;
  }

  /** `open` makes the shell, which prints to what it is given. */
  static async open(open: (output: RemoteOutput) => Runs | Promise<Runs>): Promise<AskedShell> {
    const text = { out: '', err: '' };
    const shell = await open({
      out: (part) => {
        text.out += part;
      },
      err: (part) => {
        text.err += part;
      },
    });
    return new AskedShell(shell, text);
  }

  /** Runs a line when those before it have ended. It rejects when the shell has gone. */
  ask(line: string): Promise<Told> {
    const told = this.#last.then(() => this.#run(line));
    this.#last = told.catch(() => {});
    return told;
  }

  close(): void {
    this.#shell.close();
  }

  async #run(line: string): Promise<Told> {
    Object.assign(this.#text, { out: '', err: '' });
    const status = await this.#shell.run(line);
    return { status, ...this.#text };
  }
}
