// SPDX-License-Identifier: Apache-2.0
// The administrator's shell for a machine, or for a partition alone: takes text, gives output and an exit status.
// Source: docs/design.md sections 4 and 7.

import type { PartitionMachine } from '../host/machine/partition-machine.ts';
import { type Completion, complete } from './complete.ts';
import { ShellContext, type ShellOptions } from './context.ts';
import { ShellSyntaxError } from './language/ast.ts';
import { Input } from './language/input.ts';
import { Interpreter } from './language/interpreter.ts';
import { Parser } from './language/parser.ts';
import { type Streams, TextSink } from './language/sinks.ts';
import { SYNTAX_ERROR } from './language/statuses.ts';

export class Shell {
  readonly context: ShellContext;
  readonly #interpreter: Interpreter;
  readonly #options: ShellOptions;

  constructor(machine: PartitionMachine, options: ShellOptions) {
    this.#options = options;
    this.context = new ShellContext(machine, options);
    this.#interpreter = new Interpreter(this.context);
  }

  /** Whether `exit` was called, or `set -e` ended the shell. */
  get ended(): boolean {
    return this.context.exitStatus !== undefined;
  }

  /** Whether more lines are needed before the text can run. */
  isIncomplete(text: string): boolean {
    try {
      new Parser(text).all();
      return false;
    } catch (error) {
      return error instanceof ShellSyntaxError && error.incomplete;
    }
  }

  /** Runs a text, command by command, until it ends, has a syntax error, or calls `exit`. Returns the exit status. */
  async run(text: string): Promise<number> {
    const streams: Streams = {
      input: new Input(''),
      out: new TextSink(this.#options.out),
      err: new TextSink(this.#options.err),
      others: new Map(),
      toTerminal: this.#options.columns !== undefined,
    };
    const parser = new Parser(text);
    try {
      while (!this.ended) {
        const list = parser.next();
        if (list === undefined) break;
        await this.#interpreter.run(list, streams);
        // A break outside of a loop has no effect.
        this.context.leaving = 0;
      }
    } catch (error) {
      if (!(error instanceof ShellSyntaxError)) throw error;
      this.#options.err(`bash: ${error.message}\n`);
      this.context.status = SYNTAX_ERROR;
    }
    const { context } = this;
    await this.#trapExit(streams);
    if (context.interrupted && this.#options.interactive === true) context.exitStatus = undefined;
    return context.exitStatus ?? context.status;
  }

  /** Runs what `trap … EXIT` has asked for, because a script ends. A session goes on. */
  async #trapExit(streams: Streams): Promise<void> {
    const { context } = this;
    const text = context.traps.get('EXIT');
    const goesOn = this.#options.interactive === true && !this.ended;
    if (text === undefined || goesOn || context.interrupted) return;
    context.traps.delete('EXIT');
    const status = context.exitStatus ?? context.status;
    context.exitStatus = undefined;
    context.status = status;
    await this.#interpreter.runText(text, streams);
    context.exitStatus ??= status;
  }

  /** What can follow at the end of a line. */
  complete(line: string): Completion {
    return complete(this.context, line);
  }

  /** Ends the machine, or all machines if there are several. */
  close(): void {
    this.context.close();
  }
}
