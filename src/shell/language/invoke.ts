// SPDX-License-Identifier: Apache-2.0
// Runs simple commands: functions, rows of the table of commands, and names that are neither. Delivers what they print, and handles jobs.
// Source: POSIX.1-2017, shell command language, section 2.9.1; messages of bash 5.2.

import { isOperation, type Operation } from '../../ap-bus/operation.ts';
import { type CommandResult, failed } from '../../sysfs/command.ts';
import type { CommandRow, Invocation } from '../commands/command-row.ts';
import { commandsOf } from '../commands/commands.ts';
import { notFound } from '../commands/not-found.ts';
import { type Job, messageOf, type ShellContext } from '../context.ts';
import { assign } from './assign.ts';
import { type Assignment, type Command, ShellSyntaxError } from './ast.ts';
import type { Interpreter } from './interpreter.ts';
import { ExpansionError, traced } from './parameters.ts';
import { Parser } from './parser.ts';
import { SHELL_WRITER, type Streams, type Writer } from './sinks.ts';
import { SYNTAX_ERROR } from './statuses.ts';

/** What surrounds a command: its streams, the streams that `exec` changes, and the assignments of `declare` and the like. */
interface Surroundings {
  readonly streams: Streams;
  readonly outer: Streams;
  readonly declared: readonly Assignment[];
}

export class Invoker {
  readonly #context: ShellContext;
  readonly #interpreter: Interpreter;

  constructor(context: ShellContext, interpreter: Interpreter) {
    this.#context = context;
    this.#interpreter = interpreter;
  }

  /** Runs a command by its name. `functions` tells whether functions are looked for first. */
  async invoke(
    words: readonly string[],
    { streams, outer, declared }: Surroundings,
    functions = true,
  ): Promise<void> {
    const [name = '', ...args] = words;
    const body = functions ? this.#context.functions.get(name) : undefined;
    if (body !== undefined) {
      await this.#interpreter.callFunction(name, body as Command, args, streams);
      return;
    }
    const row = commandsOf(this.#context).get(name);
    if (row === undefined) {
      const { text, status } = notFound(this.#context, name);
      this.#interpreter.say(text, streams);
      this.#context.status = status;
      return;
    }
    await this.#row(row, words, { streams, outer, declared });
  }

  async #row(row: CommandRow, words: readonly string[], around: Surroundings): Promise<void> {
    const [name = '', ...args] = words;
    const { streams } = around;
    const text = words.map(traced).join(' ');
    let result: CommandResult | Operation<CommandResult>;
    try {
      result = await row.run(this.#invocation(name, args, around));
      if (isOperation(result)) {
        const driven = await this.#context.drive(result, text);
        if ('operation' in driven) {
          this.#stillRunning(driven, streams);
          return;
        }
        result = driven;
      }
    } catch (error) {
      if (error instanceof ExpansionError) throw error;
      result = failed(`${row.builtin ? 'bash: ' : ''}${name}: ${messageOf(error)}`);
    }
    await this.#deliver(result, { name, byLine: row.builtin === true, text }, streams);
  }

  #invocation(name: string, args: readonly string[], around: Surroundings): Invocation {
    const { streams, outer, declared } = around;
    const { input, toTerminal } = streams;
    return {
      ...{
        context: this.#context,
        name,
        args,
        commands: commandsOf(this.#context),
        input,
        toTerminal,
        streams,
        declared: declared.length,
      },
      execute: (text) => this.runText(text, streams),
      invoke: async (words, { stdin, functions = false } = {}) => {
        const inner = stdin === undefined ? streams : { ...streams, input: stdin };
        await this.invoke(words, { streams: inner, outer: inner, declared: [] }, functions);
      },
      declare: async (assignmentsOf) => {
        for (const assignment of declared) {
          assignmentsOf(assignment.name, 'elements' in assignment.value);
          await assign(assignment, this.#context, this.#interpreter.expander);
        }
        return declared.map((assignment) => assignment.name);
      },
      evaluate: (text) => this.#interpreter.expander.evaluate(text),
      replaceStreams: () => {
        Object.assign(outer, streams);
      },
    };
  }

  /** Runs a text with the streams of a command (`eval`, `source`, traps). */
  async runText(text: string, streams: Streams): Promise<void> {
    const parser = new Parser(text);
    this.#context.enterCall();
    try {
      let list = parser.next();
      if (list === undefined) this.#context.status = 0;
      for (; list !== undefined; list = parser.next()) {
        await this.#interpreter.run(list, streams);
        if (this.#interpreter.stopped) break;
      }
    } catch (error) {
      if (!(error instanceof ShellSyntaxError)) throw error;
      this.#interpreter.say(`bash: ${error.message}`, streams);
      this.#context.status = SYNTAX_ERROR;
    } finally {
      this.#context.leaveCall();
    }
  }

  /** Writes what a command has printed. If a write fails, the command has failed. */
  async #deliver(result: CommandResult, writer: Writer, streams: Streams): Promise<void> {
    this.#context.status = result.status;
    if (result.stderr !== '')
      streams.err.write(result.stderr, { ...SHELL_WRITER, text: writer.text });
    if (result.stdout === '') return;
    const { out } = streams;
    const written = await (out.writeSlowly?.(result.stdout, writer) ??
      out.write(result.stdout, writer));
    if (written === undefined) return;
    if ('operation' in written) this.#stillRunning(written, streams);
    else if (written.status !== 0) {
      this.#context.status = written.status;
      streams.err.write(written.stderr, SHELL_WRITER);
    }
  }

  #stillRunning({ number, text }: Job, streams: Streams): void {
    this.#context.status = 0;
    this.#interpreter.say(`[${number}] still running: ${text} (wait collects it)`, streams);
  }

  /** Reports the jobs that have ended meanwhile. */
  async collect(streams: Streams): Promise<void> {
    if (this.#context.jobs.length === 0) return;
    for (const { job, result } of await this.#context.collect()) {
      if (result.stdout !== '') streams.out.write(result.stdout, SHELL_WRITER);
      if (result.stderr !== '') streams.err.write(result.stderr, SHELL_WRITER);
      const how = result.status === 0 ? 'done' : `exit ${result.status}`;
      this.#interpreter.say(`[${job.number}] ${how}: ${job.text}`, streams);
    }
  }
}
