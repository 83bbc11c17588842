// SPDX-License-Identifier: Apache-2.0
// Where output goes: to the terminal, a file of sysfs, another file, a pipe, or nowhere.
// Source: bash 5.2 writes the output of its builtins line by line, one write(2) each; other programs write once.
import { ERRNO_TEXT, type Errno } from '../../ap-bus/errno.ts';
import type { Operation } from '../../ap-bus/operation.ts';
import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import type { Job, ShellContext } from '../context.ts';
import type { Input } from './input.ts';
import { MAX_TEXT, ShellLimitError } from './limits.ts';

/** Who writes: the name for messages about a failing write, whether each line is a write of its own, and the command as typed. */
export interface Writer {
  readonly name: string;
  readonly byLine: boolean;
  readonly text: string;
}

/** The result of a write: a result, a job if it waits for somebody else, or undefined if it cannot fail. */
export type Written = CommandResult | Job | undefined;

/** A destination for output. When a write returns, it is done or has become a job, so that nothing written can be forgotten. */
export interface Sink {
  write(text: string, writer: Writer): Written;
  /** The same for a write that may take long, during which signals can arrive. */
  writeSlowly?(text: string, writer: Writer): Promise<Written>;
}

/** The standard streams of a command. `exec` changes them in place. */
export interface Streams {
  input: Input;
  out: Sink;
  err: Sink;
  /** Descriptors from 3 on. */
  others: ReadonlyMap<number, Sink | Input>;
  /** Whether `out` is the terminal. */
  toTerminal: boolean;
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

/** Keeps what is written. */
export class Capture implements Sink {
  readonly #pieces: string[] = [];
  #length = 0;

  write(text: string): undefined {
    this.#length += text.length;
    if (this.#length > MAX_TEXT)
      throw new ShellLimitError(`output is longer than ${MAX_TEXT / 0x100000} MiB`);
    this.#pieces.push(text);
  }

  get text(): string {
    return this.#pieces.join('');
  }
}

export const NOWHERE: Sink = { write: () => undefined };

const complaint = ({ name, byLine }: Writer, errno: Errno): CommandResult =>
  failed(`${byLine ? 'bash: ' : ''}${name}: write error: ${ERRNO_TEXT[errno]}`);

/** A descriptor to which nothing can be written: a closed one, or a full device. */
export const failing = (errno: Errno): Sink => ({
  write: (_text, writer) => complaint(writer, errno),
});

/** An open file of sysfs. `path` is absolute. */
export class SysfsSink implements Sink {
  readonly #path: string;
  readonly #context: ShellContext;

  constructor(context: ShellContext, path: string) {
    this.#context = context;
    this.#path = path;
  }

  write(text: string, writer: Writer): Written {
    return this.#context.driveAtOnce(this.#writes(text, writer), this.#called(writer));
  }

  writeSlowly(text: string, writer: Writer): Promise<Written> {
    return this.#context.drive(this.#writes(text, writer), this.#called(writer));
  }

  #called({ text }: Writer): string {
    return `${text} > ${this.#path}`;
  }

  *#writes(text: string, writer: Writer): Operation<CommandResult> {
    const writes = writer.byLine ? text.split(/(?<=\n)/) : [text];
    let result = done('');
    for (const one of writes) {
      if (one === '') continue;
      const outcome = yield* this.#context.files.writeSysfs(this.#path, one);
      if (outcome === 'ok') continue;
      result = complaint(writer, outcome);
      if (!writer.byLine) break;
    }
    return result;
  }
}

/** An open file outside sysfs. What is written is appended. */
export class DiskSink implements Sink {
  readonly #context: ShellContext;
  readonly #path: string;

  constructor(context: ShellContext, path: string) {
    this.#context = context;
    this.#path = path;
  }

  write(text: string, writer: Writer): Written {
    const bytes = new TextEncoder().encode(text);
    const outcome = this.#context.files.disk.write(this.#path, bytes, true);
    return outcome === 'ok' ? undefined : complaint(writer, outcome);
  }
}

/** The shell itself as writer: of messages about redirections, jobs and traces. */
export const SHELL_WRITER: Writer = { name: 'bash', byLine: true, text: 'bash' };
