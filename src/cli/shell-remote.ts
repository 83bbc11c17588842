// SPDX-License-Identifier: Apache-2.0
// The shell of a running apemu, from its socket: what is typed or given runs there; output and exit status come back.

import type { Socket } from 'node:net';
import { ApemuError } from '../errors.ts';
import { HELLO, objectOf } from '../qemu/shell-protocol.ts';
import { connectTo, linesOf, send } from '../qemu/streams.ts';
import type { Completion } from '../shell/complete.ts';
import type { TerminalShell } from './shell-terminal.ts';

/** A socket that is no shell of apemu says something else, or nothing, after this time. */
const HELLO_TIMEOUT_MS = 3000;

export interface RemoteOutput {
  out(text: string): void;
  err(text: string): void;
}

const unusable = (path: string, why: string): ApemuError =>
  new ApemuError('APEMU_ERR_USAGE_CONNECT', `no shell of apemu answers at ${path}: ${why}`);

const EXIT_CODE_MAX = 255;

const isExitCode = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= EXIT_CODE_MAX;

export class RemoteShell implements TerminalShell {
  readonly #socket: Socket;
  readonly #lines: AsyncIterator<string>;
  readonly #output: RemoteOutput;
  ended = false;
  status = 0;
  directory = '/';
  /** What runs there was told to end. */
  #told = false;

  private constructor(socket: Socket, lines: AsyncIterator<string>, output: RemoteOutput) {
    this.#socket = socket;
    this.#lines = lines;
    this.#output = output;
  }

  /** @throws ApemuError APEMU_ERR_USAGE_CONNECT when no shell answers there */
  static async connect(path: string, output: RemoteOutput): Promise<RemoteShell> {
    const socket = await connectTo(path).catch((error: NodeJS.ErrnoException) => {
      throw unusable(path, error.code ?? error.message);
    });
    const timer = setTimeout(() => socket.destroy(), HELLO_TIMEOUT_MS);
    const lines = linesOf(socket)[Symbol.asyncIterator]();
    await send(socket, `${HELLO}\n`);
    const first = await lines.next();
    clearTimeout(timer);
    // The prompt for people comes before the answer.
    if (first.done === true || !first.value.endsWith(HELLO)) {
      socket.destroy();
      throw unusable(path, first.done === true ? 'it says nothing' : 'it says something else');
    }
    return new RemoteShell(socket, lines, output);
  }

  async run(text: string): Promise<number> {
    for (let said = await this.#ask({ run: text }); ; said = await this.#next()) {
      if (typeof said['out'] === 'string') this.#output.out(said['out']);
      if (typeof said['err'] === 'string') this.#output.err(said['err']);
      const status = said['status'];
      if (status === undefined) continue;
      if (!isExitCode(status)) throw this.#nonsense();
      this.status = status;
      this.ended = said['ended'] === true;
      if (typeof said['directory'] === 'string') this.directory = said['directory'];
      return this.status;
    }
  }

  async isIncomplete(text: string): Promise<boolean> {
    return (await this.#ask({ incomplete: text }))['incomplete'] === true;
  }

  async complete(line: string): Promise<Completion> {
    const { candidates, word } = await this.#ask({ complete: line });
    const list = Array.isArray(candidates)
      ? candidates.filter((one) => typeof one === 'string')
      : [];
    return { candidates: list, word: typeof word === 'string' ? word : '' };
  }

  /** What runs there ends. Told again, it is not waited for any more: the other end may be stopped, or no apemu. */
  interrupt(): void {
    if (this.#told) this.#socket.destroy();
    this.#told = true;
    void send(this.#socket, `${JSON.stringify({ interrupt: true })}\n`);
  }

  close(): void {
    this.#socket.destroy();
  }

  async #ask(request: Record<string, unknown>): Promise<Record<string, unknown>> {
    this.#told = false;
    await send(this.#socket, `${JSON.stringify(request)}\n`);
    return this.#next();
  }

  async #next(): Promise<Record<string, unknown>> {
    const { value, done } = await this.#lines.next();
    if (done === true)
      throw new ApemuError('APEMU_ERR_SHELL_GONE', 'apemu has ended, or closed its shell');
    const said = objectOf(value);
    if (said === undefined) throw this.#nonsense();
    return said;
  }

  #nonsense(): ApemuError {
    this.#socket.destroy();
    return new ApemuError(
      'APEMU_ERR_SHELL_GONE',
      'the other end of the shell says what makes no sense',
    );
  }
}
