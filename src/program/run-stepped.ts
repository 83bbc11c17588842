// SPDX-License-Identifier: Apache-2.0
// Runs the lines of a program that has `step:` lines. vCPU lines that follow a step run where the step has stopped, even in the middle of
// a host operation.
// Source: docs/design.md section 6 (concurrency).

import type { Step } from './compile.ts';
import type { ProgramSteps } from './program-machine.ts';
import type { StepLine } from './step-line.ts';
import type { Difference } from './steps.ts';

/** What the runner of a program does with lines and with what came out of them. */
export interface LineRunner {
  /** Runs a line that is no step, and tells what differs itself. */
  run(line: Exclude<Step, StepLine>): void;
  /** A step line has come to its point. */
  stepped(line: StepLine, at: string, differences: readonly Difference[]): void;
  /** A rule does not hold after this line. */
  broken(line: Step, rule: string): void;
}

/** Lines of one program in their order, with the thread that is at work. */
export class SteppedRun {
  readonly #lines: readonly Step[];
  readonly #steps: ProgramSteps;
  readonly #runner: LineRunner;
  /** Index of the line that is executed next. */
  #cursor: number;
  #differences: readonly Difference[] = [];
  #told = false;

  constructor(lines: readonly Step[], from: number, steps: ProgramSteps, runner: LineRunner) {
    this.#lines = lines;
    this.#cursor = from;
    this.#steps = steps;
    this.#runner = runner;
  }

  /** Runs up to `end`, and further if that is in the middle of a step. Returns the next line. */
  run(end: number): number {
    while (this.#cursor < end) this.#line();
    return this.#cursor;
  }

  /** Takes what differs in a line of a thread that has ended. */
  differs(differences: readonly Difference[]): void {
    this.#differences = [...this.#differences, ...differences];
  }

  #line(): void {
    const line = this.#lines[this.#cursor++];
    if (line.kind === 'step') this.#advance(line);
    else this.#run(line);
  }

  #run(line: Exclude<Step, StepLine>): void {
    this.#runner.run(line);
    this.#look(line);
  }

  /** A line of one or more steps. The thread stops where the count of the line is up and vCPU lines or its next step follow. */
  #advance(first: StepLine): void {
    let line: StepLine | undefined = first;
    let left = first.statement.count;
    let at = '';
    const inner = (what: string): void => {
      if (line === undefined || --left > 0) return;
      this.#stands(line, what);
      line = this.#inTheMiddle(first.statement.thread);
      left = line?.statement.count ?? 0;
    };
    at = first.advance(inner);
    // What is left of the line's steps are steps of their own, up to the thread's end: `A 10000` is a way to say that.
    const { thread } = first.statement;
    for (left--; line !== undefined && left > 0 && !this.#steps.idle(thread); left--)
      at = this.#steps.advance(thread, inner);
    if (line !== undefined) this.#stands(line, at);
  }

  /** vCPU lines run at once. The next step line of the same thread is the one that continues it. */
  #inTheMiddle(thread: string): StepLine | undefined {
    for (;;) {
      const next = this.#lines[this.#cursor];
      if (next === undefined) return undefined;
      if (next.kind === 'step') {
        const { statement } = next;
        if (statement.thread !== thread || statement.begins !== undefined) return undefined;
        this.#cursor++;
        return next;
      }
      if (!('cpu' in next.statement)) return undefined;
      this.#cursor++;
      this.#run(next);
    }
  }

  #stands(line: StepLine, at: string): void {
    const differences = this.#differences;
    this.#differences = [];
    this.#runner.stepped(line, at, differences);
    this.#look(line);
  }

  /** Only the first rule that is broken is reported. */
  #look(line: Step): void {
    const rule = this.#told ? undefined : this.#steps.broken();
    if (rule === undefined) return;
    this.#told = true;
    this.#runner.broken(line, rule);
  }
}
