// SPDX-License-Identifier: Apache-2.0
// Binds a program to a machine: every line becomes one step with its registers preloaded and its expectations as numbers,
// so that running it does no text work.
// Source: docs/design.md section 6.

import { type Mistake, MistakesError, nearest } from '../config/mistakes.ts';
import type { CpuName, InstructionStatement, Program, Statement } from './ast.ts';
import { cpuStep } from './cpu-steps.ts';
import { printCpu } from './print.ts';
import type { ProgramCpu, ProgramMachine } from './program-machine.ts';
import { type InstructionChecks, loadChecks, loadInstruction } from './registers.ts';
import { type Differs, type StepLine, stepLine } from './step-line.ts';
import { type HostStep, hostStep, machineOf, type ReportMissing } from './steps.ts';

/** A step that executes an instruction. */
export interface InstructionStep {
  readonly kind: 'instruction';
  readonly statement: InstructionStatement;
  readonly cpu: ProgramCpu;
  readonly word: number;
  readonly loads: Int32Array;
  readonly registers: readonly number[];
  readonly checks: InstructionChecks | undefined;
  /** Loads, executes, compares. False: something differs. */
  readonly run: () => boolean;
  /** Whether the last run ended with a program interruption. */
  readonly interrupted: () => boolean;
}

export type Step = InstructionStep | HostStep | StepLine;

/**
 * All steps of a program for one machine. `differs` takes what differs in lines that `step:` lines began, when they end.
 * @throws MistakesError `APEMU_ERR_PROGRAM_UNKNOWN_CPU`, `…_UNKNOWN_GUEST`, `…_STORAGE` for what the machine does not have.
 */
export function compileProgram(
  program: Program,
  machine: ProgramMachine,
  differs: Differs,
): Step[] {
  const mistakes: Mistake[] = [];
  const steps: Step[] = [];
  const events = program.statements.filter((statement) => statement.kind === 'event');
  for (const statement of program.statements) {
    if (statement.kind === 'comment' || statement.kind === 'event') continue;
    const report = (what: string, message: string, expected?: string) => {
      const place = { file: program.file, line: statement.line, column: 1 };
      mistakes.push({ code: `APEMU_ERR_PROGRAM_${what}`, message, expected, place });
    };
    const step =
      statement.kind === 'step'
        ? stepLine(statement, machine, differs, report)
        : compileStatement(statement, machine, report);
    if (step !== undefined) steps.push(step);
  }
  const [first] = events;
  if (first !== undefined && machine.scenario === undefined) {
    const place = { file: program.file, line: first.line, column: 1 };
    const message = 'this machine runs no scenarios';
    mistakes.push({ code: 'APEMU_ERR_PROGRAM_SCENARIO', message, expected: undefined, place });
  }
  if (mistakes.length > 0) throw new MistakesError(mistakes);
  if (first !== undefined) machine.scenario?.(events, program.file);
  return steps;
}

function compileStatement(
  statement: Exclude<Statement, { kind: 'comment' | 'step' | 'event' }>,
  machine: ProgramMachine,
  report: ReportMissing,
): Exclude<Step, StepLine> | undefined {
  if (!('cpu' in statement)) return hostStep(statement, machine, report);
  const { guest, vcpu, machine: name } = statement.cpu;
  // A guest is where it is; a host's CPU is that of a machine.
  const owner =
    guest === undefined
      ? machineOf(
          { kind: 'host', ...(name === undefined ? {} : { machine: name }) },
          machine,
          report,
        )
      : machine;
  if (owner === undefined) return undefined;
  const cpu = owner.cpu(guest, vcpu);
  if (cpu === undefined) {
    reportCpu(statement.cpu, owner, report);
    return undefined;
  }
  if (statement.kind !== 'instruction') return cpuStep(statement, cpu, owner, report);
  return instructionStep(statement, cpu);
}

function reportCpu(name: CpuName, machine: ProgramMachine, report: ReportMissing): void {
  const guests = machine.guestNames();
  const list =
    guests.length === 0 ? 'host:' : `one of ${guests.join(', ')}, each with its vCPU, or host:`;
  if (name.guest === undefined || guests.includes(name.guest)) {
    report('UNKNOWN_CPU', `the machine has no ${printCpu(name)}`, list);
    return;
  }
  const close = nearest(name.guest, guests);
  const hint = close === undefined ? '' : `, did you mean ${close}?`;
  report('UNKNOWN_GUEST', `the machine has no guest ${name.guest}${hint}`, list);
}

function instructionStep(statement: InstructionStatement, cpu: ProgramCpu): InstructionStep {
  const { word, loads, registers } = loadInstruction(statement);
  const checks = loadChecks(statement, word);
  let outcome = 0;
  const interrupted = () => outcome !== 0;
  const count = loads.length;
  const execute = () => {
    for (let i = 0; i < count; i += 3) cpu.setGr(loads[i], loads[i + 1], loads[i + 2]);
    outcome = cpu.execute(word);
    return checks === undefined || satisfied(cpu, outcome !== 0, checks);
  };
  return {
    kind: 'instruction',
    statement,
    cpu,
    word,
    loads,
    registers,
    checks,
    run: execute,
    interrupted,
  };
}

function satisfied(cpu: ProgramCpu, interrupted: boolean, checks: InstructionChecks): boolean {
  const { cc, rc, pgm, halves } = checks;
  if (interrupted && (cc >= 0 || rc >= 0)) return false;
  if (pgm >= 0 && pgm !== (interrupted ? cpu.programInterruption() : 0)) return false;
  if (cc >= 0 && cc !== cpu.conditionCode()) return false;
  if (rc >= 0 && rc !== ((cpu.grLow(1) >>> 16) & 0xff)) return false;
  for (let i = 0; i < halves.length; i += 3) {
    const got = halves[i + 1] === 0 ? cpu.grLow(halves[i]) : cpu.grHigh(halves[i]);
    if ((got | 0) !== halves[i + 2]) return false;
  }
  return true;
}
