// SPDX-License-Identifier: Apache-2.0
// Builders of program lines, so that what is generated is an AP program from the start.
// Source: docs/design.md section 6.
import type { FaultConfig } from '../config/types.ts';
import type { CpuName, Field, InstructionStatement, Statement } from '../program/ast.ts';
import type { LparVerb } from '../program/lpar-verbs.ts';
import { MNEMONIC_ROWS, type Mnemonic, PSW_ROWS, REGISTER_ROWS } from '../program/operands.ts';

/** Lines get their numbers when the program is printed. */
const LINE = { line: 0, comment: undefined } as const;

export type OperandValues = Readonly<Record<string, bigint | number | undefined>>;

/** Values in the order of a table; those not given are left out. */
const fieldsOf = (rows: readonly { readonly name: string }[], values: OperandValues): Field[] =>
  rows.flatMap(({ name }) => {
    const value = values[name];
    return value === undefined ? [] : [{ name, value: BigInt(value) }];
  });

export const instructionLine = (
  cpu: CpuName,
  mnemonic: Mnemonic,
  apqn: number | undefined,
  values: OperandValues,
): InstructionStatement => ({
  kind: 'instruction',
  ...LINE,
  cpu,
  mnemonic,
  apqn,
  operands: fieldsOf([...(MNEMONIC_ROWS.get(mnemonic)?.operands ?? []), ...REGISTER_ROWS], values),
  expect: [],
});

export const pswLine = (cpu: CpuName, values: OperandValues): Statement => ({
  kind: 'psw',
  ...LINE,
  cpu,
  fields: fieldsOf(PSW_ROWS, values),
  expect: [],
});

export const writeLine = (
  cpu: CpuName,
  address: number,
  hexDigits: string,
  times: number,
): Statement => ({
  kind: 'write',
  ...LINE,
  cpu,
  address,
  bytes: { hex: hexDigits, times },
});

export const ioLine = (cpu: CpuName): Statement => ({ kind: 'io', ...LINE, cpu, expect: [] });

export const clockLine = (advance: number | 'run'): Statement => ({
  kind: 'clock',
  ...LINE,
  advance,
  expectNowNs: undefined,
});

export const sysfsLine = (command: string): Statement => ({
  kind: 'sysfs',
  ...LINE,
  command,
  expect: undefined,
});

export const lparLine = (verb: LparVerb, values: readonly number[]): Statement => ({
  kind: 'lpar',
  ...LINE,
  verb,
  values,
  expect: undefined,
});

export const faultLine = (fault: FaultConfig | 'clear'): Statement => ({
  kind: 'fault',
  ...LINE,
  fault,
});

export const commentLine = (text: string): Statement => ({
  kind: 'comment',
  line: 0,
  comment: text,
});

/** Lines numbered as they are printed: behind the header and the `config` line. */
export const numbered = (statements: readonly Statement[]): Statement[] =>
  statements.map((statement, index) => ({ ...statement, line: index + 3 }));
