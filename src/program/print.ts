// SPDX-License-Identifier: Apache-2.0
// Printer of AP programs: the inverse of the parser.
// Source: docs/design.md section 6.

import { printFault } from '../config/fault-text.ts';
import { formatApqn, formatDuration } from '../config/units.ts';
import type {
  Bytes,
  CpuName,
  Field,
  InstructionStatement,
  MigrateStatement,
  OutcomeExpectation,
  Program,
  Statement,
  StepStatement,
} from './ast.ts';
import { quote } from './lexer.ts';
import {
  EXPECTATION_ROWS,
  type FieldRow,
  IO_ROWS,
  MNEMONIC_ROWS,
  PSW_ROWS,
  printField,
  REGISTER_ROWS,
  rowOf,
} from './operands.ts';
import { PROGRAM_HEADER } from './parse.ts';
import { CANCEL } from './parse-migrate.ts';
import { printEvent, printTrigger } from './print-event.ts';
import { printLparOperation } from './print-lpar.ts';

/** Column of the `=>` in short lines. */
const ARROW_COLUMN = 52;

/** `parseProgram(printProgram(p), p.file)` equals `p`, given that its lines are numbered as they are printed. */
export function printProgram(program: Program): string {
  const config = program.config === undefined ? [] : [`config ${printPath(program.config)}`];
  return `${[PROGRAM_HEADER, ...config, ...program.statements.map(printStatement)].join('\n')}\n`;
}

const printPath = (path: string) =>
  /^[^\s"#]+$/.test(path) && !path.includes('=>') ? path : quote(path);

/** One line, without a newline at its end. */
export function printStatement(statement: Statement): string {
  const comment = statement.comment === undefined ? '' : `#${statement.comment}`;
  if (statement.kind === 'comment') return comment;
  const expectation = printExpectation(statement);
  const operation = printOperation(statement);
  const line =
    expectation === undefined ? operation : `${operation.padEnd(ARROW_COLUMN)} => ${expectation}`;
  return comment === '' ? line : `${line} ${comment}`;
}

/** The line without what is expected of it. */
export function printOperation(statement: Exclude<Statement, { kind: 'comment' }>): string {
  switch (statement.kind) {
    case 'instruction':
      return `${printCpu(statement.cpu)}: ${printInstruction(statement)}`;
    case 'psw':
      return `${printCpu(statement.cpu)}: psw${printFields(statement.fields, PSW_ROWS)}`;
    case 'write':
      return `${printCpu(statement.cpu)}: mem ${hexadecimal(statement.address)} = ${printBytes(statement.bytes)}`;
    case 'read':
      return `${printCpu(statement.cpu)}: mem ${hexadecimal(statement.address)} ${statement.length}`;
    case 'io':
      return `${printCpu(statement.cpu)}: io`;
    case 'mchk':
      return `${printCpu(statement.cpu)}: mchk`;
    case 'clock':
      return `clock: ${statement.advance === 'run' ? 'run' : `advance ${formatDuration(statement.advance)}`}`;
    case 'sysfs':
      return `${prefixOf(statement)}sysfs: ${statement.command}`;
    case 'migrate':
      return `migrate: ${printMigrate(statement)}`;
    case 'lpar':
      return `${prefixOf(statement)}lpar: ${printLparOperation(statement.verb, statement.values)}`;
    case 'step':
      return `step: ${printStep(statement)}`;
    case 'event':
      return [printTrigger(statement.trigger), printEvent(statement.event)]
        .filter((part) => part !== undefined)
        .join(': ');
    case 'fault':
      return `${prefixOf(statement)}fault: ${statement.fault === 'clear' ? 'clear' : printFault(statement.fault)}`;
  }
}

/** `B/` before a line about one of several machines. */
const prefixOf = ({ machine }: { readonly machine?: string }): string =>
  machine === undefined ? '' : `${machine}/`;

function printMigrate({ guest, to, options }: MigrateStatement): string {
  const { chunk, downtimeNs, interruptions, wire } = options;
  return [
    guest,
    to ?? CANCEL,
    ...(chunk === undefined ? [] : [`chunk=${chunk}`]),
    ...(downtimeNs === undefined ? [] : [`downtime=${formatDuration(downtimeNs)}`]),
    ...(interruptions === undefined ? [] : [`interruptions=${interruptions}`]),
    ...(wire === undefined ? [] : [`wire=${wire.offset}:${wire.hex}`]),
  ].join(' ');
}

function printStep({ thread, count, begins }: StepStatement): string {
  if (begins !== undefined) return `${thread} ${printOperation(begins)}`;
  return count === 1 ? thread : `${thread} ${count}`;
}

/** The text after `=>`; undefined if there is none. */
function printExpectation(statement: Statement): string | undefined {
  switch (statement.kind) {
    case 'instruction':
      return fieldsOrNothing(statement.expect, EXPECTATION_ROWS);
    case 'psw':
      return fieldsOrNothing(statement.expect, PSW_ROWS);
    case 'io':
      return statement.expect === 'none' ? 'none' : fieldsOrNothing(statement.expect, IO_ROWS);
    case 'mchk':
      return statement.expect;
    case 'read':
      return statement.expect === undefined ? undefined : printBytes(statement.expect);
    case 'clock':
      return statement.expectNowNs === undefined
        ? undefined
        : `now=${formatDuration(statement.expectNowNs)}`;
    case 'sysfs':
    case 'lpar':
    case 'migrate':
      return statement.expect === undefined ? undefined : printOutcome(statement.expect);
    case 'step':
      return statement.begins === undefined ? undefined : printExpectation(statement.begins);
    default:
      return undefined;
  }
}

export const printCpu = (cpu: CpuName): string =>
  cpu.guest === undefined ? `${prefixOf(cpu)}host` : `${cpu.guest}.${cpu.vcpu}`;

function printInstruction(statement: InstructionStatement): string {
  const { mnemonic, apqn, operands } = statement;
  const queue = apqn === undefined ? '' : ` ${formatApqn(apqn)}`;
  const rows = [...(MNEMONIC_ROWS.get(mnemonic)?.operands ?? []), ...REGISTER_ROWS];
  const text = `${mnemonic}${queue}${printFields(operands, rows)}`;
  return mnemonic === 'insn' ? text.replace(' word=', ' ') : text;
}

function printFields(fields: readonly Field[], rows: readonly FieldRow[]): string {
  return fields
    .map(({ name, value }) => {
      const row = rowOf(rows, name);
      if (row === undefined) throw new RangeError(`no field ${name} here`);
      return ` ${name}=${printField(row, value)}`;
    })
    .join('');
}

const fieldsOrNothing = (fields: readonly Field[], rows: readonly FieldRow[]) =>
  fields.length === 0 ? undefined : printFields(fields, rows).trim();

const hexadecimal = (value: number) => `0x${value.toString(16)}`;

export const printBytes = (bytes: Bytes): string =>
  bytes.times === 1 ? bytes.hex : `${bytes.hex}*${bytes.times}`;

export function printOutcome(outcome: OutcomeExpectation): string {
  if (outcome.kind === 'text') return quote(outcome.text);
  return outcome.kind === 'errno' ? outcome.name : outcome.kind;
}
