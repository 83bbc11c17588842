// SPDX-License-Identifier: Apache-2.0
// Steps about the host side: clock, sysfs, lpar, fault. Each runs, and says what came out as text.
// Source: docs/design.md section 6.

import { replyProblem } from '../config/faults.ts';
import type { FaultConfig } from '../config/types.ts';
import { formatDuration } from '../config/units.ts';
import type { OutcomeExpectation, Statement } from './ast.ts';
import { printOutcome } from './print.ts';
import type { MigrateLine, OperationOutcome, ProgramMachine } from './program-machine.ts';

type Of<K extends Statement['kind']> = Extract<Statement, { kind: K }>;
type HostStatement = Of<'clock' | 'sysfs' | 'lpar' | 'fault' | 'migrate'>;
type CpuStatement = Of<'psw' | 'write' | 'read' | 'io' | 'mchk'>;

/** How a step says that the machine lacks something. */
export type ReportMissing = (what: string, message: string, expected?: string) => void;

/** One difference between what a line says and what the machine has done. */
export interface Difference {
  readonly field: string;
  readonly expected: string;
  readonly got: string;
}

/** A step that is not an instruction. */
export interface HostStep {
  readonly kind: 'host';
  readonly statement: HostStatement | CpuStatement;
  readonly machine: ProgramMachine;
  /** Does it; false: something differs, and `outcome` says what. */
  readonly run: () => boolean;
  /** What the last run gave; asked before anything else runs. */
  readonly outcome: () => HostOutcome;
}

export interface HostOutcome {
  /** What came out, for records: text of a file, bytes, errno; undefined where nothing comes out. */
  readonly result: string | undefined;
  /** The interruption an `io` line took; 0: none was pending; undefined: no `io` line. */
  readonly interruption: number | undefined;
  readonly differences: readonly Difference[];
}

/** Nothing came out and nothing differs. */
export const NOTHING: HostOutcome = { result: undefined, interruption: undefined, differences: [] };

/** Makes a step from its action. */
export function makeStep(
  statement: HostStep['statement'],
  machine: ProgramMachine,
  action: () => HostOutcome,
): HostStep {
  let last = NOTHING;
  const run = () => {
    last = action();
    return last.differences.length === 0;
  };
  return { kind: 'host', statement, machine, run, outcome: () => last };
}

/** The machine that a line is about; undefined if there is none, which is reported. */
export function machineOf(
  statement: { readonly kind: string; readonly machine?: string },
  machine: ProgramMachine,
  report: ReportMissing,
): ProgramMachine | undefined {
  const { kind, machine: name } = statement;
  const names = machine.machineNames;
  if (name === undefined && names === undefined) return machine;
  if (name === undefined) {
    const expected = names?.map((one) => `${one}/${kind}:`).join(', ');
    report('MACHINE', `${kind}: of which machine`, expected);
    return undefined;
  }
  const found = machine.on?.(name);
  if (found === undefined) {
    const expected =
      names === undefined ? `${kind}: for the only machine` : `one of ${names.join(', ')}`;
    report('MACHINE', `there is no machine ${name}`, expected);
  }
  return found;
}

/** What a `migrate:` line does, if guest and machine are there; what is not is reported. */
export function migrateLine(
  { guest, to, options }: Of<'migrate'>,
  machine: ProgramMachine,
  report: ReportMissing,
): MigrateLine | undefined {
  const names = machine.machineNames;
  if (names === undefined) {
    report('MACHINE', 'there is one machine', 'several machines in the configuration');
    return undefined;
  }
  if (to !== undefined && !names.includes(to)) {
    report('MACHINE', `there is no machine ${to}`, `one of ${names.join(', ')}`);
    return undefined;
  }
  if (!machine.guestNames().includes(guest)) {
    const guests = machine.guestNames().join(', ');
    report('UNKNOWN_GUEST', `there is no guest ${guest}`, `one of ${guests}`);
    return undefined;
  }
  return { kind: 'migrate', guest, to, options };
}

/** clock, sysfs, lpar, fault, migrate. Undefined if the machine lacks something (reported). */
export function hostStep(
  statement: HostStatement,
  whole: ProgramMachine,
  report: ReportMissing,
): HostStep | undefined {
  if (statement.kind === 'clock')
    return makeStep(statement, whole, () => runClock(statement, whole));
  if (statement.kind === 'migrate') {
    const line = migrateLine(statement, whole, report);
    if (line === undefined || whole.migrate === undefined) return undefined;
    const { migrate } = whole;
    return makeStep(statement, whole, () => judge(migrate(line), statement.expect));
  }
  const machine = machineOf(statement, whole, report);
  return machine === undefined ? undefined : machineStep(statement, machine, report);
}

function machineStep(
  statement: Exclude<HostStatement, { kind: 'clock' | 'migrate' }>,
  machine: ProgramMachine,
  report: ReportMissing,
): HostStep | undefined {
  switch (statement.kind) {
    case 'lpar': {
      const { verb, values, expect } = statement;
      return makeStep(statement, machine, () => judge(machine.lpar(verb, values), expect));
    }
    case 'sysfs': {
      const command = replaceNames(statement.command, machine, report);
      return makeStep(statement, machine, () => judge(machine.sysfs(command), statement.expect));
    }
    case 'fault': {
      const { fault } = statement;
      if (fault !== 'clear' && !canDeclare(fault, machine, report)) return undefined;
      return makeStep(statement, machine, () => {
        if (fault === 'clear') machine.clearFaults();
        else machine.fault(fault);
        return NOTHING;
      });
    }
  }
}

/** Whether the machine can take a fault; if not, why is reported. */
function canDeclare(fault: FaultConfig, machine: ProgramMachine, report: ReportMissing): boolean {
  if (fault.guest !== undefined && !machine.guestNames().includes(fault.guest)) {
    const names = machine.guestNames().join(', ');
    report('UNKNOWN_GUEST', `the machine has no guest ${fault.guest}`, `one of ${names}`);
    return false;
  }
  if (fault.effect.kind !== 'reply') return true;
  const problem = replyProblem(fault.effect.reply, machine.allowGuestDamage ?? false);
  if (problem === undefined) return true;
  const expected = 'machine: { allowGuestDamage: true } in the configuration';
  report('GUEST_DAMAGE', problem.message, expected);
  return false;
}

function runClock(statement: Of<'clock'>, machine: ProgramMachine): HostOutcome {
  if (statement.advance === 'run') machine.run();
  else machine.advance(statement.advance);
  return judgeNow(machine, statement.expectNowNs);
}

/** Compares the time with what a clock line expects. */
export function judgeNow(machine: ProgramMachine, expected: number | undefined): HostOutcome {
  const now = machine.nowNs();
  if (expected === undefined || expected === now) return NOTHING;
  const difference = { field: 'now', expected: formatDuration(expected), got: formatDuration(now) };
  return { ...NOTHING, differences: [difference] };
}

/** `$Guest1` becomes the UUID of that guest's mdev. */
export function replaceNames(
  command: string,
  machine: ProgramMachine,
  report: ReportMissing,
): string {
  return command.replace(/\$([A-Za-z][A-Za-z0-9_-]*)/g, (text, name: string) => {
    const uuid = machine.uuid(name);
    if (uuid === undefined) {
      report(
        'UNKNOWN_GUEST',
        `${text} names no guest`,
        `one of ${machine
          .guestNames()
          .map((guest) => `$${guest}`)
          .join(', ')}`,
      );
    }
    return uuid ?? text;
  });
}

/** Compares how an operation ended with what its line expects. */
export function judge(
  outcome: OperationOutcome,
  expected: OutcomeExpectation | undefined,
): HostOutcome {
  const got: OutcomeExpectation =
    outcome.kind === 'ok' && (expected?.kind === 'text' || outcome.text !== '')
      ? { kind: 'text', text: outcome.text }
      : outcome.kind === 'ok'
        ? { kind: 'ok' }
        : outcome;
  const result = got.kind === 'text' ? got.text : printOutcome(got);
  if (expected === undefined) return { ...NOTHING, result };
  const satisfied =
    expected.kind === 'ok' ? outcome.kind === 'ok' : printOutcome(expected) === printOutcome(got);
  if (satisfied) return { ...NOTHING, result };
  const field = expected.kind === 'text' ? 'text' : 'result';
  const difference = { field, expected: printOutcome(expected), got: printOutcome(got) };
  return { ...NOTHING, result, differences: [difference] };
}
