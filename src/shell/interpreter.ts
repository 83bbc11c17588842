// SPDX-License-Identifier: Apache-2.0
// Runs parsed commands: lists, pipelines, compound commands, redirections, exit status, set -e and set -x.
// Source: POSIX.1-2017, shell command language, sections 2.7 to 2.9 and the `set` utility; messages of bash 5.2.
import { isOperation, type Operation } from '../ap-bus/operation.ts';
import { type CommandResult, failed } from '../sysfs/command.ts';
import type { AndOr, Command, List, Pipeline } from './ast.ts';
import { Input, type Invocation } from './command-row.ts';
import { COMMANDS } from './commands.ts';
import { messageOf, type ShellContext } from './context.ts';
import { Expander, ExpansionError, traced } from './expand.ts';
import { notFound } from './not-found.ts';
import { redirected } from './redirect.ts';
import {
  Capture,
  NOWHERE,
  SHELL_WRITER,
  type Sink,
  type Streams,
  SysfsSink,
  type Writer,
} from './sinks.ts';

/** Rounds of one loop; more is a loop that never ends. */
export const MAX_ROUNDS = 100_000;
const INTERRUPTED = 130;

type Simple = Extract<Command, { kind: 'simple' }>;

export class Interpreter {
  readonly #context: ShellContext;
  readonly #expander: Expander;
  /** Above 0: a failing command does not end the shell (conditions, `!`, all but the last of && and ||). */
  #guarded = 0;
  /** Where substitutions write their errors. */
  #errors: Sink = NOWHERE;

  constructor(context: ShellContext) {
    this.#context = context;
    this.#expander = new Expander(context, (list) => this.#substitute(list));
  }

  /** Runs a list; the exit status is in the context. */
  async run(list: List, streams: Streams): Promise<void> {
    for (const andOr of list) {
      if (this.#stopped) return;
      await this.#andOr(andOr, streams);
      await this.#collect(streams);
      if (this.#context.interrupted) this.#end(INTERRUPTED);
    }
  }

  get #stopped(): boolean {
    return this.#context.exitStatus !== undefined || this.#context.leaving > 0;
  }

  #end(status: number): void {
    this.#context.status = status;
    this.#context.exitStatus = status;
  }

  async #andOr({ first, rest }: AndOr, streams: Streams): Promise<void> {
    const all = [{ operator: undefined, pipeline: first }, ...rest];
    for (const [n, { operator, pipeline }] of all.entries()) {
      const ok = this.#context.status === 0;
      if (operator !== undefined && ok !== (operator === '&&')) continue;
      const last = n === all.length - 1;
      await this.#pipeline(pipeline, streams, last);
      if (this.#stopped) return;
    }
  }

  /** `last`: its failure may end the shell under `set -e`. */
  async #pipeline({ negated, commands }: Pipeline, streams: Streams, last: boolean): Promise<void> {
    const guard = negated || !last;
    if (guard) this.#guarded++;
    let { input } = streams;
    const alone = commands.length === 1;
    for (const [n, command] of commands.entries()) {
      if (alone) {
        await this.#command(command, streams);
        break;
      }
      const capture = n === commands.length - 1 ? undefined : new Capture();
      const out = capture ?? streams.out;
      const toTerminal = capture === undefined && streams.toTerminal;
      await this.#apart(() => this.#command(command, { ...streams, input, out, toTerminal }));
      input = new Input(capture?.text ?? '');
    }
    if (guard) this.#guarded--;
    if (negated && !this.#stopped) this.#context.status = this.#context.status === 0 ? 1 : 0;
    const failing = this.#context.status !== 0 && this.#context.flags.errexit;
    if (failing && this.#guarded === 0 && !guard && isChecked(commands))
      this.#context.exitStatus ??= this.#context.status;
  }

  /** As a subshell: variables, directory and `exit` inside it stay inside. */
  async #apart(body: () => Promise<void>): Promise<void> {
    const { variables, files, exitStatus, flags } = this.#context;
    const kept = new Map(variables);
    const { directory } = files;
    const options = { ...flags };
    await body();
    variables.clear();
    for (const [name, value] of kept) variables.set(name, value);
    files.directory = directory;
    Object.assign(flags, options);
    this.#context.exitStatus = exitStatus;
    this.#context.leaving = 0;
  }

  async #substitute(list: List): Promise<string> {
    const capture = new Capture();
    const streams = { input: new Input(''), out: capture, err: this.#errors, toTerminal: false };
    await this.#apart(() => this.run(list, streams));
    return capture.text;
  }

  async #command(command: Command, streams: Streams): Promise<void> {
    const before = this.#errors;
    this.#errors = streams.err;
    try {
      const inner = await redirected(this.#context, this.#expander, command.redirects, streams);
      if (inner === undefined) this.#context.status = 1;
      else if (command.kind === 'simple') await this.#simple(command, inner);
      else await this.#compound(command, inner);
    } catch (error) {
      if (!(error instanceof ExpansionError)) throw error;
      this.#say(`bash: ${error.message}`, streams);
      if (this.#context.options.interactive === true) this.#context.status = 1;
      else this.#end(1);
    } finally {
      this.#errors = before;
    }
  }

  async #compound(command: Exclude<Command, Simple>, streams: Streams): Promise<void> {
    if (command.kind === 'group') await this.run(command.body, streams);
    else if (command.kind === 'if') {
      for (const { condition, body } of command.clauses) {
        if (await this.#holds(condition, streams)) {
          await this.run(body, streams);
          return;
        }
        if (this.#stopped) return;
      }
      this.#context.status = 0;
      await this.run(command.otherwise, streams);
    } else if (command.kind === 'for') await this.#for(command, streams);
    else await this.#while(command, streams);
  }

  /** Runs a condition, whose failure ends nothing. */
  async #holds(condition: List, streams: Streams): Promise<boolean> {
    this.#guarded++;
    await this.run(condition, streams);
    this.#guarded--;
    return this.#context.status === 0 && !this.#stopped;
  }

  async #for(command: Extract<Command, { kind: 'for' }>, streams: Streams): Promise<void> {
    const { name, words, body } = command;
    const values =
      words === undefined ? this.#context.parameters.slice(1) : await this.#expander.fields(words);
    this.#context.status = 0;
    for (const value of values) {
      if (this.#context.flags.xtrace)
        this.#say(`+ for ${name} in ${values.map(traced).join(' ')}`, streams);
      this.#context.variables.set(name, value);
      if (!(await this.#round(body, streams))) return;
    }
  }

  async #while(command: Extract<Command, { kind: 'while' }>, streams: Streams): Promise<void> {
    let status = 0;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const holds = await this.#holds(command.condition, streams);
      if (this.#stopped) return;
      if (holds === command.until) {
        this.#context.status = status;
        return;
      }
      if (!(await this.#round(command.body, streams))) return;
      status = this.#context.status;
      await this.#context.options.breathe?.();
    }
    const what = command.until ? 'until' : 'while';
    this.#say(`bash: ${what}: no end after ${MAX_ROUNDS} rounds`, streams);
    this.#context.status = 1;
  }

  /** The body of a loop; false: leave the loop. */
  async #round(body: List, streams: Streams): Promise<boolean> {
    const context = this.#context;
    context.loops++;
    await this.run(body, streams);
    context.loops--;
    if (context.exitStatus !== undefined) return false;
    if (context.leaving === 0) return true;
    context.leaving--;
    if (context.leaving > 0) return false;
    const goesOn = context.continuing;
    context.continuing = false;
    return goesOn;
  }

  async #simple(command: Simple, streams: Streams): Promise<void> {
    const { variables, flags } = this.#context;
    const words = await this.#expander.fields(command.words);
    const restore = new Map<string, string | undefined>();
    if (words.length === 0) this.#context.status = 0;
    for (const { name, value } of command.assignments) {
      const text = await this.#expander.text(value);
      if (flags.xtrace) this.#say(`+ ${name}=${traced(text)}`, streams);
      if (words.length > 0 && !restore.has(name)) restore.set(name, variables.get(name));
      variables.set(name, text);
    }
    const [name, ...args] = words;
    if (name === undefined) return;
    if (flags.xtrace) this.#say(`+ ${words.map(traced).join(' ')}`, streams);
    await this.#invoke(name, args, streams);
    for (const [variable, value] of restore) {
      if (value === undefined) variables.delete(variable);
      else variables.set(variable, value);
    }
  }

  async #invoke(name: string, args: readonly string[], streams: Streams): Promise<void> {
    const row = COMMANDS.get(name);
    if (row === undefined) {
      const { text, status } = notFound(this.#context, name);
      this.#say(text, streams);
      this.#context.status = status;
      return;
    }
    const { input, toTerminal } = streams;
    const invocation: Invocation = { context: this.#context, name, args, input, toTerminal };
    const text = [name, ...args].map(traced).join(' ');
    let result: CommandResult | Operation<CommandResult>;
    try {
      result = await row.run(invocation);
      if (isOperation(result)) {
        const driven = this.#context.drive(result, text);
        if ('operation' in driven) {
          this.#stillRunning(driven.number, text, streams);
          return;
        }
        result = driven;
      }
    } catch (error) {
      result = failed(`${row.builtin ? 'bash: ' : ''}${name}: ${messageOf(error)}`);
    }
    const writer = { name, byLine: row.builtin === true };
    this.#deliver(result, writer, text, streams);
  }

  /** Writes what a command printed; a write that fails is the command's failure. */
  #deliver(result: CommandResult, writer: Writer, text: string, streams: Streams): void {
    this.#context.status = result.status;
    if (result.stderr !== '') streams.err.write(result.stderr, SHELL_WRITER);
    if (result.stdout === '') return;
    const operation = streams.out.write(result.stdout, writer);
    if (operation === undefined) return;
    const whole = streams.out instanceof SysfsSink ? `${text} > ${streams.out.path}` : text;
    const driven = this.#context.drive(operation, whole);
    if ('operation' in driven) this.#stillRunning(driven.number, whole, streams);
    else if (driven.status !== 0) {
      this.#context.status = driven.status;
      streams.err.write(driven.stderr, SHELL_WRITER);
    }
  }

  #stillRunning(number: number, text: string, streams: Streams): void {
    this.#context.status = 0;
    this.#say(`[${number}] still running: ${text} (wait collects it)`, streams);
  }

  /** Reports jobs that have ended meanwhile. */
  async #collect(streams: Streams): Promise<void> {
    if (this.#context.jobs.length === 0) return;
    for (const { job, result } of this.#context.collect()) {
      if (result.stdout !== '') streams.out.write(result.stdout, SHELL_WRITER);
      if (result.stderr !== '') streams.err.write(result.stderr, SHELL_WRITER);
      const how = result.status === 0 ? 'done' : `exit ${result.status}`;
      this.#say(`[${job.number}] ${how}: ${job.text}`, streams);
    }
  }

  #say(text: string, streams: Streams): void {
    streams.err.write(`${text}\n`, SHELL_WRITER);
  }
}

/** Whether `set -e` looks at the status: not at that of a loop or `if`, whose commands it looked at already. */
const isChecked = (commands: readonly Command[]): boolean =>
  commands.length > 1 || commands[0]?.kind === 'simple';
