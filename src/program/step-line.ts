// SPDX-License-Identifier: Apache-2.0
// A `step:` line bound to a machine: what it begins, how far it goes, what differs.
// Source: docs/design.md section 6 (concurrency).

import type { SteppableStatement, StepStatement } from './ast.ts';
import { ALL_THREADS } from './parse-step.ts';
import { printOperation } from './print.ts';
import type {
  OperationOutcome,
  ProgramMachine,
  ProgramSteps,
  SteppableLine,
} from './program-machine.ts';
import {
  type Difference,
  judge,
  judgeNow,
  machineOf,
  migrateLine,
  type ReportMissing,
  replaceNames,
} from './steps.ts';

/** A step of a thread. Its differences are those of lines that ended in it. */
export interface StepLine {
  readonly kind: 'step';
  readonly statement: StepStatement;
  /**
   * Begins the thread's line if this one has a line, then goes on, and returns where the thread then is. `inner` is called at each point
   * in the middle.
   */
  readonly advance: (inner: (what: string) => void) => string;
}

/** Collects what differs in lines that end. */
export type Differs = (differences: readonly Difference[]) => void;

/** A step line. Undefined if the machine lacks something (reported). */
export function stepLine(
  statement: StepStatement,
  machine: ProgramMachine,
  differs: Differs,
  report: ReportMissing,
): StepLine | undefined {
  const steps = machine.steps?.();
  if (steps === undefined) {
    report('STEPS', 'this machine has no steps');
    return undefined;
  }
  const { thread, begins } = statement;
  const line = begins === undefined ? undefined : steppable(begins, machine, report);
  const advance = (inner: (what: string) => void): string => {
    if (thread === ALL_THREADS) return finish(steps, differs);
    if (begins !== undefined && line !== undefined)
      steps.begin(thread, line, (outcome) => differs(differencesOf(begins, outcome, machine)));
    return steps.advance(thread, inner);
  };
  return { kind: 'step', statement, advance };
}

function finish(steps: ProgramSteps, differs: Differs): string {
  const left = steps.finish().join(', ');
  if (left === '') return 'ended';
  differs([{ field: 'end', expected: 'of every thread', got: `${left} never ends` }]);
  return `${left} never ends`;
}

function steppable(
  begins: SteppableStatement,
  machine: ProgramMachine,
  report: ReportMissing,
): SteppableLine | undefined {
  if (begins.kind === 'clock') return begins;
  if (begins.kind === 'migrate') return migrateLine(begins, machine, report);
  const owner = machineOf(begins, machine, report);
  if (begins.kind === 'lpar' || owner === undefined)
    return owner === undefined ? undefined : begins;
  return { ...begins, command: replaceNames(begins.command, owner, report) };
}

/** Named after the line, which may have begun long before. */
function differencesOf(
  begins: SteppableStatement,
  outcome: OperationOutcome,
  machine: ProgramMachine,
): Difference[] {
  const { differences } =
    begins.kind === 'clock' ? judgeNow(machine, begins.expectNowNs) : judge(outcome, begins.expect);
  return differences.map((one) => ({ ...one, field: printOperation(begins) }));
}
