// SPDX-License-Identifier: Apache-2.0
// for, while, until and case: bodies that run repeatedly, or one of several that runs.
// Source: POSIX.1-2017, shell command language, section 2.9.4; bash 5.2, manual, section 3.2.5.

import { Glob } from '../../sysfs/glob.ts';
import type { ShellContext } from '../context.ts';
import type { CaseCommand, ForCommand, List, WhileCommand } from './ast.ts';
import type { Interpreter } from './interpreter.ts';
import { MAX_ROUNDS } from './limits.ts';
import { traced } from './parameters.ts';
import type { Streams } from './sinks.ts';

export class Loops {
  readonly #context: ShellContext;
  readonly #interpreter: Interpreter;

  constructor(context: ShellContext, interpreter: Interpreter) {
    this.#context = context;
    this.#interpreter = interpreter;
  }

  async for({ name, words, body }: ForCommand, streams: Streams): Promise<void> {
    const context = this.#context;
    const values =
      words === undefined
        ? context.parameters.slice(1)
        : await this.#interpreter.expander.fields(words);
    context.status = 0;
    const trace = context.flags.xtrace ? `+ for ${name} in ${values.map(traced).join(' ')}` : '';
    for (const value of values) {
      if (context.flags.xtrace && trace !== '') this.#interpreter.say(trace, streams);
      context.variables.set(name, value);
      if (!(await this.#round(body, streams))) return;
    }
  }

  async counted(
    [first, condition, step]: NonNullable<ForCommand['steps']>,
    body: List,
    streams: Streams,
  ): Promise<void> {
    await this.#interpreter.expander.number(first);
    this.#context.status = 0;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const text = await this.#interpreter.expander.text(condition);
      if (text.trim() !== '' && this.#interpreter.expander.evaluate(text) === 0n) return;
      if (!(await this.#round(body, streams))) return;
      await this.#interpreter.expander.number(step);
    }
    this.#endless('for', streams);
  }

  async while({ until, condition, body }: WhileCommand, streams: Streams): Promise<void> {
    let status = 0;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const holds = await this.#interpreter.holds(condition, streams);
      if (this.#interpreter.stopped) return;
      if (holds === until) {
        this.#context.status = status;
        return;
      }
      if (!(await this.#round(body, streams))) return;
      status = this.#context.status;
    }
    this.#endless(until ? 'until' : 'while', streams);
  }

  #endless(what: string, streams: Streams): void {
    this.#interpreter.say(`bash: ${what}: no end after ${MAX_ROUNDS} rounds`, streams);
    this.#context.status = 1;
  }

  /** Runs the body of a loop. Returns false if the loop is to be left. */
  async #round(body: List, streams: Streams): Promise<boolean> {
    const context = this.#context;
    context.loops++;
    await this.#interpreter.run(body, streams);
    context.loops--;
    if (context.exitStatus !== undefined || context.returning) return false;
    if (context.leaving === 0) return true;
    context.leaving--;
    if (context.leaving > 0) return false;
    const goesOn = context.continuing;
    context.continuing = false;
    return goesOn;
  }

  async case({ word, items }: CaseCommand, streams: Streams): Promise<void> {
    const text = await this.#interpreter.expander.text(word);
    if (this.#context.flags.xtrace) this.#interpreter.say(`+ case ${traced(text)} in`, streams);
    this.#context.status = 0;
    let falling = false;
    for (const { patterns, body, end } of items) {
      if (!falling && !(await this.#matches(text, patterns))) continue;
      await this.#interpreter.run(body, streams);
      if (end === ';;' || this.#interpreter.stopped) return;
      falling = end === ';&';
    }
  }

  async #matches(
    text: string,
    patterns: CaseCommand['items'][number]['patterns'],
  ): Promise<boolean> {
    for (const pattern of patterns)
      if (new Glob(await this.#interpreter.expander.pattern(pattern)).test(text)) return true;
    return false;
  }
}
