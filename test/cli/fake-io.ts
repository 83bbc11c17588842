// SPDX-License-Identifier: Apache-2.0
// A process a test can look into: what a command wrote, and a Ctrl-C at will.

import { Readable } from 'node:stream';
import { pino } from 'pino';
import { runCommand } from '../../src/cli/commands.ts';
import type { CommandIo } from '../../src/cli/io.ts';

export class FakeIo implements CommandIo {
  output = '';
  errors = '';
  readonly #stop = new AbortController();
  readonly #text: string;
  readonly log = pino({ level: 'warn', base: null }, { write: (line: string) => this.err(line) });
  readonly isTerminal = false;
  readonly columns = 80;
  /** Called after each piece of output. */
  onOut: () => void = () => {};

  constructor(input = '') {
    this.#text = input;
  }
  get input(): NodeJS.ReadableStream {
    return Readable.from([this.#text]);
  }
  get signal(): AbortSignal {
    return this.#stop.signal;
  }
  out(text: string): void {
    this.output += text;
    this.onOut();
  }
  err(text: string): void {
    this.errors += text;
  }
  async taken(): Promise<void> {}
  readInput(): Promise<string> {
    return Promise.resolve(this.#text);
  }
  blocking<T>(work: () => T): T {
    return work();
  }
  interrupt(): void {
    this.#stop.abort();
  }
}

/** Runs a command line; `io` if the test wants to look while it runs. */
export async function apemu(
  line: readonly string[],
  io = new FakeIo(),
): Promise<FakeIo & { code: number }> {
  const code = await runCommand(line, io);
  return Object.assign(io, { code });
}
