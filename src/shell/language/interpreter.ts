// SPDX-License-Identifier: Apache-2.0
// Runs parsed commands: lists, pipelines, compound commands, functions, redirections, exit status, set -e and set -x.
// Source: POSIX.1-2017, shell command language, sections 2.7 to 2.9 and the `set` utility; bash 5.2, manual, and messages.

import type { ShellContext } from '../context.ts';
import { assign } from './assign.ts';
import type { AndOr, Command, List, Pipeline, Redirect } from './ast.ts';
import { holds as conditionHolds } from './condition.ts';
import { Expander } from './expand.ts';
import { Input } from './input.ts';
import { Invoker } from './invoke.ts';
import { ShellLimitError } from './limits.ts';
import { fileAlone, isChecked } from './lists.ts';
import { Loops } from './loops.ts';
import { ExpansionError, traced } from './parameters.ts';
import { redirected } from './redirect.ts';
import { Capture, NOWHERE, SHELL_WRITER, type Sink, type Streams } from './sinks.ts';
import { VariableError } from './variables.ts';

const INTERRUPTED = 130;

type Simple = Extract<Command, { kind: 'simple' }>;

export class Interpreter {
  readonly #context: ShellContext;
  readonly expander: Expander;
  readonly #invoker: Invoker;
  readonly #loops: Loops;
  /** Above 0, a command that fails does not end the shell (conditions, `!`, all but the last of && and ||). */
  #guarded = 0;
  /** Stream to which substitutions write their errors. */
  #errors: Sink = NOWHERE;
  /** Status of the last substitution in the present command, which is the status of a command without a name. */
  #substituted: number | undefined;

  constructor(context: ShellContext) {
    this.#context = context;
    this.expander = new Expander(context, (list) => this.#substitute(list));
    this.#invoker = new Invoker(context, this);
    this.#loops = new Loops(context, this);
  }

  async run(list: List, streams: Streams): Promise<void> {
    for (const andOr of list) {
      if (this.stopped) return;
      await this.#andOr(andOr, streams);
      await this.#invoker.collect(streams);
      await this.#context.options.breathe?.();
      if (this.#context.interrupted) this.#end(INTERRUPTED);
    }
  }

  get stopped(): boolean {
    const { exitStatus, leaving, returning } = this.#context;
    return exitStatus !== undefined || leaving > 0 || returning;
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
      if (this.stopped) return;
    }
  }

  /** Runs a pipeline. With `last`, its failure may end the shell under `set -e`. */
  async #pipeline({ negated, commands }: Pipeline, streams: Streams, last: boolean): Promise<void> {
    const context = this.#context;
    const guard = negated || !last;
    if (guard) this.#guarded++;
    if (commands.length === 1) await this.#command(commands[0] as Command, streams);
    else await this.#piped(commands, streams);
    if (guard) this.#guarded--;
    if (commands.length === 1) context.pipeStatus = [context.status];
    if (negated && !this.stopped) context.status = context.status === 0 ? 1 : 0;
    if (context.status === 0 || this.#guarded > 0 || guard || !isChecked(commands)) return;
    await this.#trapError(streams);
    if (context.flags.errexit) context.exitStatus ??= context.status;
  }

  async #piped(commands: readonly Command[], streams: Streams): Promise<void> {
    const context = this.#context;
    const statuses: number[] = [];
    let { input } = streams;
    for (const [n, command] of commands.entries()) {
      const capture = n === commands.length - 1 ? undefined : new Capture();
      const out = capture ?? streams.out;
      const toTerminal = capture === undefined && streams.toTerminal;
      await this.apart(() => this.#command(command, { ...streams, input, out, toTerminal }));
      statuses.push(context.status);
      input = new Input(capture?.text ?? '');
    }
    context.pipeStatus = statuses;
    if (context.flags.pipefail) context.status = statuses.findLast((status) => status !== 0) ?? 0;
  }

  async #trapError(streams: Streams): Promise<void> {
    const { traps, status } = this.#context;
    const text = traps.get('ERR');
    if (text === undefined || text === '' || this.#context.inTrap) return;
    this.#context.inTrap = true;
    await this.#invoker.runText(text, streams);
    this.#context.inTrap = false;
    this.#context.status = status;
  }

  async apart(body: () => Promise<void>): Promise<void> {
    const restore = this.#context.enterSubshell();
    try {
      await body();
    } finally {
      restore();
    }
  }

  async #substitute(list: List): Promise<string> {
    const file = fileAlone(list);
    if (file !== undefined) return this.#contentOf(file);
    const capture = new Capture();
    const streams = this.#streams(capture);
    await this.apart(() => {
      // As in bash, a failure inside a substitution does not end it, unless it sets `set -e` itself.
      this.#context.flags.errexit = false;
      return this.run(list, streams);
    });
    this.#substituted = this.#context.status;
    return capture.text;
  }

  #streams(out: Sink): Streams {
    const others = new Map<number, Sink | Input>();
    return { input: new Input(''), out, err: this.#errors, others, toTerminal: false };
  }

  /** `$(< FILE)`: the contents of a file. */
  async #contentOf(file: Redirect): Promise<string> {
    const before = this.#streams(this.#errors);
    const streams = await redirected(this.#context, this.expander, [file], before);
    this.#substituted = streams === undefined ? 1 : 0;
    this.#context.status = this.#substituted;
    return (streams ?? before).input.all();
  }

  async #command(command: Command, streams: Streams): Promise<void> {
    const before = this.#errors;
    const dropPipes = this.#context.files.pipesFromHere();
    this.#errors = streams.err;
    try {
      const inner = await redirected(this.#context, this.expander, command.redirects, streams);
      if (inner === undefined) this.#context.status = 1;
      else if (command.kind === 'simple') await this.#simple(command, inner, streams);
      else await this.#compound(command, inner);
    } catch (error) {
      this.#failed(error, streams);
    } finally {
      this.#errors = before;
      dropPipes();
    }
  }

  /** Handles a mistake in an expansion or an assignment, which ends a script but not a session. */
  #failed(error: unknown, streams: Streams): void {
    const ours = [ExpansionError, VariableError, ShellLimitError];
    if (!ours.some((kind) => error instanceof kind)) throw error;
    this.say(`bash: ${(error as Error).message}`, streams);
    const status = error instanceof ExpansionError ? error.status : 1;
    if (this.#context.options.interactive === true) this.#context.status = status;
    else this.#end(status);
  }

  async #compound(command: Exclude<Command, Simple>, streams: Streams): Promise<void> {
    const context = this.#context;
    switch (command.kind) {
      case 'group':
        return this.run(command.body, streams);
      case 'subshell':
        return this.apart(() => this.run(command.body, streams));
      case 'if':
        return this.#if(command, streams);
      case 'for':
        return command.steps === undefined
          ? this.#loops.for(command, streams)
          : this.#loops.counted(command.steps, command.body, streams);
      case 'while':
        return this.#loops.while(command, streams);
      case 'case':
        return this.#loops.case(command, streams);
      case 'function':
        context.functions.set(command.name, command.body);
        context.status = 0;
        return;
      case 'arithmetic': {
        const text = await this.expander.text(command.word);
        if (context.flags.xtrace) this.say(`+ (( ${text} ))`, streams);
        context.status = this.#arithmetic(text, streams);
        return;
      }
      case 'condition': {
        const trace = context.flags.xtrace
          ? (text: string) => this.say(`+ [[ ${text} ]]`, streams)
          : undefined;
        context.status = await conditionHolds(command.condition, context, this.expander, trace);
        return;
      }
    }
  }

  /** The status of `(( … ))`. A mistake in it does not end the script. */
  #arithmetic(text: string, streams: Streams): number {
    try {
      return this.expander.evaluate(text) === 0n ? 1 : 0;
    } catch (error) {
      if (!(error instanceof ExpansionError)) throw error;
      this.say(`bash: ((: ${error.message}`, streams);
      return 1;
    }
  }

  async #if(
    { clauses, otherwise }: Extract<Command, { kind: 'if' }>,
    streams: Streams,
  ): Promise<void> {
    for (const { condition, body } of clauses) {
      if (await this.holds(condition, streams)) return this.run(body, streams);
      if (this.stopped) return;
    }
    this.#context.status = 0;
    await this.run(otherwise, streams);
  }

  /** Runs a condition. Its failure ends nothing. */
  async holds(condition: List, streams: Streams): Promise<boolean> {
    this.#guarded++;
    await this.run(condition, streams);
    this.#guarded--;
    return this.#context.status === 0 && !this.stopped;
  }

  /** Runs a simple command. `outer` are the streams around it, which `exec` changes. */
  async #simple(command: Simple, streams: Streams, outer: Streams): Promise<void> {
    const { variables, flags } = this.#context;
    this.#substituted = undefined;
    const words = await this.expander.fields(command.words);
    const [name] = words;
    const trace = (text: string): void => {
      if (flags.xtrace) this.say(`+ ${text}`, streams);
    };
    const before = new Map<string, string | undefined>();
    for (const assignment of command.assignments) {
      if (name !== undefined && !before.has(assignment.name))
        before.set(assignment.name, variables.get(assignment.name));
      await assign(assignment, this.#context, this.expander, trace);
    }
    if (name === undefined) {
      this.#context.status = this.#substituted ?? 0;
      return;
    }
    trace(words.map(traced).join(' '));
    await this.#invoker.invoke(words, { streams, outer, declared: command.declared ?? [] });
    for (const [variable, value] of before) {
      if (value === undefined) variables.delete(variable);
      else variables.set(variable, value);
    }
  }

  /** Runs the body of a function, with parameters of its own. */
  async callFunction(name: string, body: Command, args: readonly string[], streams: Streams) {
    const context = this.#context;
    const { parameters, loops } = context;
    context.enterCall(name);
    context.variables.enter();
    context.parameters = [parameters[0] ?? '', ...args];
    context.loops = 0;
    try {
      await this.#command(body, streams);
    } finally {
      context.variables.leave();
      context.leaveCall();
      context.parameters = parameters;
      context.loops = loops;
      context.returning = false;
    }
  }

  runText(text: string, streams: Streams): Promise<void> {
    return this.#invoker.runText(text, streams);
  }

  say(text: string, streams: Streams): void {
    streams.err.write(`${text}\n`, SHELL_WRITER);
  }
}
