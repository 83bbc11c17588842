// SPDX-License-Identifier: Apache-2.0
// Steps that are no instruction: psw, mem, io, clock, sysfs, lpar, fault. Each runs, and says what came out as text.
// Source: docs/design.md section 6.

import { formatDuration } from '../config/units.ts';
import type { Bytes, Field, OutcomeExpectation, Statement } from './ast.ts';
import type { OperationOutcome, ProgramCpu, ProgramMachine, ProgramPsw } from './machine.ts';
import { IO_ROWS, PSW_ROWS, printField, rowOf } from './operands.ts';
import { printBytes, printOutcome } from './print.ts';

type Of<K extends Statement['kind']> = Extract<Statement, { kind: K }>;
type HostStatement = Of<'clock' | 'sysfs' | 'lpar' | 'fault'>;
type CpuStatement = Of<'psw' | 'write' | 'read' | 'io'>;

/** How a step says that the machine lacks something. */
export type ReportMissing = (what: string, message: string, expected?: string) => void;

/** One difference between what a line says and what the machine did. */
export interface Difference {
  readonly field: string;
  readonly expected: string;
  readonly got: string;
}

/** A step that is no instruction. */
export interface HostStep {
  readonly kind: 'host';
  readonly statement: HostStatement | CpuStatement;
  readonly machine: ProgramMachine;
  /** Does it; false: something differs, and `outcome` says what. */
  readonly run: () => boolean;
  /** What the last run gave. */
  readonly outcome: () => HostOutcome;
}

export interface HostOutcome {
  /** What came out, for records: text of a file, bytes, errno; undefined where nothing comes out. */
  readonly result: string | undefined;
  /** The interruption an `io` line took; 0: none was pending; undefined: no `io` line. */
  readonly interruption: number | undefined;
  readonly differences: readonly Difference[];
}

const NOTHING: HostOutcome = { result: undefined, interruption: undefined, differences: [] };

function step(
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

/** clock, sysfs, lpar, fault. Undefined if the machine lacks something (reported). */
export function hostStep(
  statement: HostStatement,
  machine: ProgramMachine,
  report: ReportMissing,
): HostStep | undefined {
  switch (statement.kind) {
    case 'clock':
      return step(statement, machine, () => runClock(statement, machine));
    case 'lpar': {
      const { verb, values, expect } = statement;
      return step(statement, machine, () => judge(machine.lpar(verb, values), expect));
    }
    case 'sysfs': {
      const command = replaceNames(statement.command, machine, report);
      return step(statement, machine, () => judge(machine.sysfs(command), statement.expect));
    }
    case 'fault': {
      const { fault } = statement;
      if (
        fault !== 'clear' &&
        fault.guest !== undefined &&
        !machine.guestNames().includes(fault.guest)
      ) {
        report(
          'UNKNOWN_GUEST',
          `the machine has no guest ${fault.guest}`,
          `one of ${machine.guestNames().join(', ')}`,
        );
        return undefined;
      }
      return step(statement, machine, () => {
        if (fault === 'clear') machine.clearFaults();
        else machine.fault(fault);
        return NOTHING;
      });
    }
  }
}

function runClock(statement: Of<'clock'>, machine: ProgramMachine): HostOutcome {
  if (statement.advance === 'run') machine.run();
  else machine.advance(statement.advance);
  const now = machine.nowNs();
  const { expectNowNs: expected } = statement;
  if (expected === undefined || expected === now) return NOTHING;
  const difference = { field: 'now', expected: formatDuration(expected), got: formatDuration(now) };
  return { ...NOTHING, differences: [difference] };
}

/** `$Guest1` becomes the UUID of that guest's mdev. */
function replaceNames(command: string, machine: ProgramMachine, report: ReportMissing): string {
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

function judge(outcome: OperationOutcome, expected: OutcomeExpectation | undefined): HostOutcome {
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

/** psw, mem, io. Undefined if the machine lacks something (reported). */
export function takeStep(
  statement: CpuStatement,
  cpu: ProgramCpu,
  machine: ProgramMachine,
  report: ReportMissing,
): HostStep | undefined {
  switch (statement.kind) {
    case 'psw': {
      const change = pswChange(statement.fields);
      return step(statement, machine, () => {
        if (statement.fields.length > 0) cpu.changePsw(change);
        return checkPsw(cpu, statement.expect);
      });
    }
    case 'io':
      return step(statement, machine, () => takeInterruption(cpu, statement.expect));
    case 'write': {
      const bytes = expand(statement.bytes);
      if (!inStorage(cpu, statement.address, bytes.length, report)) return undefined;
      return step(statement, machine, () => {
        cpu.storage.set(bytes, statement.address);
        return NOTHING;
      });
    }
    case 'read': {
      if (!inStorage(cpu, statement.address, statement.length, report)) return undefined;
      return step(statement, machine, () => readMemory(cpu, statement));
    }
  }
}

function inStorage(
  cpu: ProgramCpu,
  address: number,
  length: number,
  report: ReportMissing,
): boolean {
  const size = cpu.storage.length;
  if (address + length <= size) return true;
  report(
    'STORAGE',
    `0x${address.toString(16)} + ${length} is beyond storage`,
    `an address below 0x${size.toString(16)}`,
  );
  return false;
}

function expand(bytes: Bytes): Uint8Array {
  const unit = Uint8Array.from({ length: bytes.hex.length / 2 }, (_, i) =>
    Number.parseInt(bytes.hex.slice(2 * i, 2 * i + 2), 16),
  );
  const all = new Uint8Array(unit.length * bytes.times);
  for (let i = 0; i < bytes.times; i++) all.set(unit, i * unit.length);
  return all;
}

function readMemory(cpu: ProgramCpu, statement: Of<'read'>): HostOutcome {
  const { address, length, expect } = statement;
  const got = cpu.storage.subarray(address, address + length);
  const result = hexOf(got);
  if (expect === undefined) return { ...NOTHING, result };
  const expected = expand(expect);
  const at = expected.findIndex((byte, index) => byte !== got[index]);
  if (at < 0) return { ...NOTHING, result };
  const short = length <= 64;
  const field = short ? 'bytes' : `bytes at 0x${(address + at).toString(16)}`;
  const difference = short
    ? { field, expected: printBytes(expect), got: result }
    : {
        field,
        expected: hexOf(expected.subarray(at, at + 16)),
        got: hexOf(got.subarray(at, at + 16)),
      };
  return { ...NOTHING, result, differences: [difference] };
}

const hexOf = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
};

/** Bits 2-4 of an adapter interruption word: the ISC. Source: ap-architecture.md section 6.8. */
const iscOf = (word: number): number => (word >>> 27) & 7;

function takeInterruption(cpu: ProgramCpu, expect: readonly Field[] | 'none'): HostOutcome {
  const word = cpu.takeInterruption() >>> 0;
  const got = new Map([
    ['isc', BigInt(iscOf(word))],
    ['word', BigInt(word)],
  ]);
  const found = word === 0 ? 'none' : `isc=${iscOf(word)} word=${hexWord(word)}`;
  const outcome = { ...NOTHING, interruption: word, result: found };
  if (expect === 'none') {
    if (word === 0) return outcome;
    return { ...outcome, differences: [{ field: 'io', expected: 'none', got: found }] };
  }
  if (expect.length > 0 && word === 0) {
    const expected = expect
      .map((field) => `${field.name}=${printIo(field.name, field.value)}`)
      .join(' ');
    return { ...outcome, differences: [{ field: 'io', expected, got: 'none' }] };
  }
  const differences = expect
    .filter(({ name, value }) => got.get(name) !== value)
    .map(({ name, value }) => ({
      field: name,
      expected: printIo(name, value),
      got: printIo(name, got.get(name) ?? 0n),
    }));
  return { ...outcome, differences };
}

const hexWord = (word: number) => word.toString(16).toUpperCase().padStart(8, '0');

function printIo(name: string, value: bigint): string {
  const row = rowOf(IO_ROWS, name);
  return row === undefined ? String(value) : printField(row, value);
}

function pswChange(fields: readonly Field[]): Partial<ProgramPsw> {
  const change: Partial<ProgramPsw> = {};
  for (const { name, value } of fields) {
    const number = Number(value);
    if (name === 'p') change.p = number === 1;
    if (name === 'am') change.am = number === 24 ? 24 : number === 31 ? 31 : 64;
    if (name === 'io') change.io = number === 1;
    if (name === 'key') change.key = number;
    if (name === 'dat') change.dat = number === 1;
    if (name === 'cc') change.cc = number;
    if (name === 'new') change.loadsNewPsw = number === 1;
    if (name === 'cr6') change.cr6 = number | 0;
    if (name === 'ia') {
      change.iaHigh = Number(value >> 32n) | 0;
      change.iaLow = Number(value & 0xffff_ffffn) | 0;
    }
  }
  return change;
}

function checkPsw(cpu: ProgramCpu, expect: readonly Field[]): HostOutcome {
  if (expect.length === 0) return NOTHING;
  const psw = cpu.readPsw();
  const unsigned = (half: number) => BigInt(half >>> 0);
  const got: Readonly<Record<string, bigint>> = {
    p: BigInt(psw.p),
    am: BigInt(psw.am),
    io: BigInt(psw.io),
    key: BigInt(psw.key),
    dat: BigInt(psw.dat),
    cc: BigInt(psw.cc),
    ia: (unsigned(psw.iaHigh) << 32n) | unsigned(psw.iaLow),
    new: BigInt(psw.loadsNewPsw),
    cr6: unsigned(psw.cr6),
  };
  const differences = expect
    .filter(({ name, value }) => got[name] !== value)
    .map(({ name, value }) => {
      const row = rowOf(PSW_ROWS, name);
      const print = (number: bigint) =>
        row === undefined ? String(number) : printField(row, number);
      return { field: name, expected: print(value), got: print(got[name]) };
    });
  return { ...NOTHING, differences };
}
