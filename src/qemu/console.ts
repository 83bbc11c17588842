// SPDX-License-Identifier: Apache-2.0
// The console of a guest whose init reads commands (guest-image): waits for lines, runs a command and gives its output and status.

import type { Readable, Writable } from 'node:stream';
import { ApemuError } from '../errors.ts';
import { READY_MARK, STATUS_MARK } from './guest-image/guest-files.ts';

/** Kernel parameter that makes the guest image read commands instead of giving a shell. */
export const SCRIPT_CONSOLE = 'apemu.console=script';

/** What a command in the guest left behind. */
export interface GuestCommand {
  readonly status: number;
  readonly output: string;
}

interface Waiting {
  readonly pattern: RegExp;
  readonly from: number;
  readonly resolve: (match: RegExpExecArray) => void;
  readonly reject: (error: Error) => void;
}

/** A guest's console as text. */
export class GuestConsole {
  /** Everything the guest has printed, without carriage returns. */
  text = '';
  /** Called with each piece of output. */
  onText: (piece: string) => void = () => {};
  readonly #input: Writable;
  #waiting: Waiting[] = [];
  #commands = 0;
  #ended = false;

  constructor(output: Readable, input: Writable) {
    this.#input = input;
    output.setEncoding('latin1');
    output.on('data', (chunk: string) => {
      const piece = chunk.replaceAll('\r', '');
      this.text += piece;
      this.onText(piece);
      this.#match();
    });
    output.on('close', () => {
      this.#ended = true;
      this.#match();
    });
  }

  /**
   * Waits until the text from `from` on matches.
   *
   * @throws ApemuError APEMU_ERR_GUEST_CONSOLE when QEMU ends first or the time is over; the last lines are part of the message
   */
  waitFor(pattern: RegExp, timeoutMs: number, from = 0): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => fail('does not answer'), timeoutMs);
      const fail = (what: string) => {
        clearTimeout(timer);
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        const last = this.text.split('\n').slice(-15).join('\n');
        reject(
          new ApemuError('APEMU_ERR_GUEST_CONSOLE', `the guest ${what} (${pattern}):\n${last}`),
        );
      };
      const waiting: Waiting = {
        pattern,
        from,
        resolve: (match) => {
          clearTimeout(timer);
          resolve(match);
        },
        reject: () => fail('has ended'),
      };
      this.#waiting.push(waiting);
      this.#match();
    });
  }

  /** Waits until the guest's init reads commands. */
  async ready(timeoutMs: number): Promise<void> {
    await this.waitFor(new RegExp(READY_MARK), timeoutMs);
  }

  /** The guest is about to restart: what it printed so far and its count of commands are forgotten. */
  restart(): void {
    this.text = '';
    this.#commands = 0;
  }

  /** Runs one shell command in the guest. One at a time. */
  async run(command: string, timeoutMs = 60_000): Promise<GuestCommand> {
    const number = ++this.#commands;
    const from = this.text.length;
    this.#input.write(`${command.replaceAll('\n', '; ')}\n`);
    const pattern = new RegExp(`^${STATUS_MARK} ${number} (\\d+)$`, 'm');
    const match = await this.waitFor(pattern, timeoutMs, from);
    const output = this.text.slice(from, from + match.index);
    return { status: Number(match[1]), output };
  }

  #match(): void {
    for (const waiting of [...this.#waiting]) {
      const match = waiting.pattern.exec(this.text.slice(waiting.from));
      if (match !== null) {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        waiting.resolve(match);
      } else if (this.#ended) waiting.reject(new Error('ended'));
    }
  }
}
