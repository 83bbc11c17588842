// SPDX-License-Identifier: Apache-2.0
// Runs compiled programs: carries out the steps in order, collects what differs, and passes on a record for each line if that is wanted.
// Source: docs/design.md section 6.

import { ApemuError } from '../errors.ts';
import type { Program } from './ast.ts';
import { compileProgram, type InstructionStep, type Step } from './compile.ts';
import { EXPECTATION_ROWS, printField, rowOf } from './operands.ts';
import { printOperation } from './print.ts';
import type { ProgramMachine, ProgramSteps } from './program-machine.ts';
import { SteppedRun } from './run-stepped.ts';
import type { StepLine } from './step-line.ts';
import type { Difference, HostStep } from './steps.ts';

/** A line whose outcome differs from what it says. */
export interface Mismatch {
  readonly file: string;
  readonly line: number;
  /** The line without its expectation. */
  readonly operation: string;
  readonly differences: readonly Difference[];
}

/** What one line did, as plain data. Registers are 16 hexadecimal digits, numbers that programs write in hexadecimal too. */
export interface ProgramRecord {
  readonly file: string;
  readonly line: number;
  readonly operation: string;
  /** Registers of interest before the instruction (after loading) and behind it. */
  readonly in?: Readonly<Record<string, string>>;
  readonly out?: Readonly<Record<string, string>>;
  readonly cc?: number;
  /** GR1 bits 40-47 as left in the register; absent after a program interruption. */
  readonly rc?: string;
  /** Program interruption code. */
  readonly pgm?: string;
  /** Interruption word an `io` line took. */
  readonly interruption?: string;
  /** Text, bytes or errno that came out. */
  readonly result?: string;
  /** Virtual nanoseconds the line took, if any. */
  readonly ns?: number;
  readonly mismatch?: readonly Difference[];
}

export interface RunOptions {
  /** Called with a record after each line; running without is an order of magnitude faster. */
  readonly onRecord?: (record: ProgramRecord) => void;
  /** Step to begin with, from 0: the sum of `steps` of earlier slices. */
  readonly from?: number;
  /** Highest number of steps to run, so that the caller can do something else in between. */
  readonly limit?: number;
}

export interface RunResult {
  /** Number of lines that were run. */
  readonly steps: number;
  readonly instructions: number;
  readonly mismatches: readonly Mismatch[];
}

/** A line that runs on its own. */
type RunStep = Exclude<Step, StepLine>;

/** A program bound to a machine. It can be run any number of times; state of the machine stays from run to run. */
export class RunnableProgram {
  readonly program: Program;
  readonly steps: readonly Step[];
  readonly #machine: ProgramMachine;
  #stepped: SteppedRun | undefined;

  /** @throws MistakesError for guests, vCPUs or storage the machine does not have. */
  constructor(program: Program, machine: ProgramMachine) {
    this.program = program;
    this.#machine = machine;
    this.steps = compileProgram(program, machine, (differences) =>
      this.#stepped?.differs(differences),
    );
  }

  run(options: RunOptions = {}): RunResult {
    const { onRecord, from = 0, limit = this.steps.length } = options;
    const end = Math.min(from + limit, this.steps.length);
    if (this.steps.some((step) => step.kind === 'step'))
      return this.#runStepped(from, end, options);
    const mismatches: Mismatch[] = [];
    let instructions = 0;
    for (let index = from; index < end; index++) {
      const step = this.steps[index] as RunStep;
      if (step.kind === 'instruction') instructions++;
      const right = onRecord === undefined ? this.#step(step) : this.#recorded(step, onRecord);
      if (!right) mismatches.push(mismatchOf(this.program.file, step));
    }
    return { steps: Math.max(end - from, 0), instructions, mismatches };
  }

  /** A program with `step:` lines: slower, with the rules of the host looked at after each line. */
  #runStepped(from: number, end: number, { onRecord }: RunOptions): RunResult {
    const { file } = this.program;
    const mismatches: Mismatch[] = [];
    let instructions = 0;
    const differ = (line: Step, differences: readonly Difference[]): void => {
      const { statement } = line;
      const operation = printOperation(statement);
      mismatches.push({ file, line: statement.line, operation, differences });
    };
    this.#stepped = new SteppedRun(this.steps, from, this.#machine.steps?.() as ProgramSteps, {
      run: (line) => {
        if (line.kind === 'instruction') instructions++;
        const right = onRecord === undefined ? this.#step(line) : this.#recorded(line, onRecord);
        if (!right) differ(line, differencesOf(line));
      },
      stepped: (line, at, differences) => {
        onRecord?.(recordOfStep(file, line, at, differences));
        if (differences.length > 0) differ(line, differences);
      },
      broken: (line, rule) => differ(line, [{ field: 'rule', expected: 'holds', got: rule }]),
    });
    const next = this.#stepped.run(end);
    return { steps: Math.max(next - from, 0), instructions, mismatches };
  }

  #step(step: RunStep): boolean {
    try {
      return step.run();
    } catch (cause) {
      throw located(cause, this.program.file, step.statement.line);
    }
  }

  #recorded(step: RunStep, onRecord: (record: ProgramRecord) => void): boolean {
    const before = this.#machine.nowNs();
    const { file } = this.program;
    const head = { file, line: step.statement.line, operation: printOperation(step.statement) };
    const input = step.kind === 'instruction' ? inputOf(step) : undefined;
    const right = this.#step(step);
    const ns = this.#machine.nowNs() - before;
    const end = {
      ...(ns > 0 ? { ns } : {}),
      ...(right ? {} : { mismatch: differencesOf(step) }),
    };
    const middle =
      step.kind === 'instruction' ? { in: input ?? {}, ...outputOf(step) } : hostOutput(step);
    onRecord({ ...head, ...middle, ...end });
    return right;
  }
}

function recordOfStep(
  file: string,
  { statement }: StepLine,
  result: string,
  mismatch: readonly Difference[],
): ProgramRecord {
  const head = { file, line: statement.line, operation: printOperation(statement), result };
  return mismatch.length > 0 ? { ...head, mismatch } : head;
}

function mismatchOf(file: string, step: RunStep): Mismatch {
  const { statement } = step;
  return {
    file,
    line: statement.line,
    operation: printOperation(statement),
    differences: differencesOf(step),
  };
}

const differencesOf = (step: RunStep): readonly Difference[] =>
  step.kind === 'instruction' ? explain(step) : step.outcome().differences;

/** Adds the line at which it happened to one of apemu's errors. */
function located(cause: unknown, file: string, line: number): unknown {
  if (!(cause instanceof ApemuError) || cause.place !== undefined) return cause;
  const { code, message, errno } = cause;
  return new ApemuError(code, message, {
    place: { file, line },
    cause,
    ...(errno ? { errno } : {}),
  });
}

/** What differs after an instruction: its registers are still as it left them. */
function explain(step: InstructionStep): Difference[] {
  const { cpu, statement } = step;
  const interrupted = step.interrupted();
  const differences: Difference[] = [];
  for (const { name, value } of statement.expect) {
    const row = rowOf(EXPECTATION_ROWS, name);
    if (row === undefined) continue;
    const ending = name === 'cc' || name === 'rc';
    if (ending && interrupted) {
      const got = `program interruption ${hex(cpu.programInterruption(), 4)}`;
      differences.push({ field: name, expected: printField(row, value), got });
      continue;
    }
    const got = fieldValue(step, name, interrupted);
    if (got !== value) {
      differences.push({
        field: name,
        expected: printField(row, value),
        got: printField(row, got),
      });
    }
  }
  return differences;
}

function fieldValue(step: InstructionStep, name: string, interrupted: boolean): bigint {
  const { cpu, word } = step;
  const r1 = (word >>> 4) & 15;
  const r2 = word & 15;
  const lowOf = (n: number) => BigInt(cpu.grLow(n & 15) >>> 0);
  const whole = (n: number) => (BigInt(cpu.grHigh(n & 15) >>> 0) << 32n) | lowOf(n);
  switch (name) {
    case 'cc':
      return BigInt(cpu.conditionCode());
    case 'rc':
      return (lowOf(1) >> 16n) & 0xffn;
    case 'pgm':
      return BigInt(interrupted ? cpu.programInterruption() : 0);
    case 'status':
      return lowOf(1);
    case 'psmid':
      return (lowOf(r1) << 32n) | lowOf(r1 + 1);
    case 'addr':
      return whole(r2);
    case 'len':
      return whole(r2 + 1);
    case 'token':
      return whole(0);
    default:
      return whole(Number(name.slice(2)));
  }
}

const hex = (value: number, digits: number) =>
  (value >>> 0).toString(16).toUpperCase().padStart(digits, '0');

/** Registers as the instruction will see them: what it loads, else what is in the vCPU. */
function inputOf(step: InstructionStep): Record<string, string> {
  const { cpu, loads, registers } = step;
  const input: Record<string, string> = {};
  for (const n of registers) input[`gr${n}`] = hex(cpu.grHigh(n), 8) + hex(cpu.grLow(n), 8);
  for (let i = 0; i < loads.length; i += 3) {
    input[`gr${loads[i]}`] = hex(loads[i + 1], 8) + hex(loads[i + 2], 8);
  }
  return input;
}

function outputOf(step: InstructionStep): Partial<ProgramRecord> {
  const { cpu, registers } = step;
  const out: Record<string, string> = {};
  for (const n of registers) out[`gr${n}`] = hex(cpu.grHigh(n), 8) + hex(cpu.grLow(n), 8);
  if (step.interrupted()) return { out, pgm: hex(cpu.programInterruption(), 4) };
  return { out, cc: cpu.conditionCode(), rc: hex((cpu.grLow(1) >>> 16) & 0xff, 2) };
}

function hostOutput(step: HostStep): Partial<ProgramRecord> {
  const { result, interruption } = step.outcome();
  return {
    ...(interruption === undefined || interruption === 0
      ? {}
      : { interruption: hex(interruption, 8) }),
    ...(result === undefined ? {} : { result }),
  };
}
