// SPDX-License-Identifier: Apache-2.0
// Where output goes: the terminal, a file of sysfs, a file of the disk, a pipe, nowhere.
// Source: bash 5.2 writes the output of its builtins line by line, one write(2) each; other programs write once.
import { ERRNO_TEXT, type Errno } from '../ap-bus/errno.ts';
import type { Operation } from '../ap-bus/operation.ts';
import { type CommandResult, done, failed } from '../sysfs/command.ts';
import type { Input } from './command-row.ts';
import type { ShellContext } from './context.ts';

/** Who writes: what a failing write is called, and whether each line is a write of its own. */
export interface Writer {
  readonly name: string;
  readonly byLine: boolean;
}

export interface Sink {
  /** The operation of the write; its result is the status and message of the writer. Undefined: it is done already. */
  write(text: string, writer: Writer): Operation<CommandResult> | undefined;
}

/** Standard streams of a command. */
export interface Streams {
  readonly input: Input;
  readonly out: Sink;
  readonly err: Sink;
  /** `out` is the terminal. */
  readonly toTerminal: boolean;
}

export class TextSink implements Sink {
  readonly #take: (text: string) => void;

  constructor(take: (text: string) => void) {
    this.#take = take;
  }

  write(text: string): undefined {
    this.#take(text);
  }
}

/** What is written is kept. */
export class Capture implements Sink {
  text = '';

  write(text: string): undefined {
    this.text += text;
  }
}

export const NOWHERE: Sink = { write: () => undefined };

const complaint = ({ name, byLine }: Writer, errno: Errno): CommandResult =>
  failed(`${byLine ? 'bash: ' : ''}${name}: write error: ${ERRNO_TEXT[errno]}`);

/** A file of sysfs, opened; `path` is absolute. */
export class SysfsSink implements Sink {
  readonly path: string;
  readonly #context: ShellContext;

  constructor(context: ShellContext, path: string) {
    this.#context = context;
    this.path = path;
  }

  *write(text: string, writer: Writer): Operation<CommandResult> {
    const writes = writer.byLine ? text.split(/(?<=\n)/) : [text];
    let result = done('');
    for (const one of writes) {
      if (one === '') continue;
      const outcome = yield* this.#context.files.writeSysfs(this.path, one);
      if (outcome === 'ok') continue;
      result = complaint(writer, outcome);
      if (!writer.byLine) break;
    }
    return result;
  }
}

/** A file of the disk, opened; what is written is appended. */
export class DiskSink implements Sink {
  readonly #context: ShellContext;
  readonly #path: string;

  constructor(context: ShellContext, path: string) {
    this.#context = context;
    this.#path = path;
  }

  // biome-ignore lint/correctness/useYield: the disk does not sleep in virtual time.
  *write(text: string, writer: Writer): Operation<CommandResult> {
    const bytes = new TextEncoder().encode(text);
    const outcome = this.#context.files.disk.write(this.#path, bytes, true);
    return outcome === 'ok' ? done('') : complaint(writer, outcome);
  }
}

/** The shell itself writes: messages about redirections, jobs and traces. */
export const SHELL_WRITER: Writer = { name: 'bash', byLine: true };
