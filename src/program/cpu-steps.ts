// SPDX-License-Identifier: Apache-2.0
// Steps about a vCPU that are no instruction: psw, mem, io.
// Source: docs/design.md section 6; ap-architecture.md section 6.8 (interruption word).

import type { Bytes, Field, MachineCheck, Statement } from './ast.ts';
import { IO_ROWS, PSW_ROWS, printField, rowOf } from './operands.ts';
import { printBytes } from './print.ts';
import type { ProgramCpu, ProgramMachine, ProgramPsw } from './program-machine.ts';
import {
  type Difference,
  type HostOutcome,
  type HostStep,
  makeStep,
  NOTHING,
  type ReportMissing,
} from './steps.ts';

type Of<K extends Statement['kind']> = Extract<Statement, { kind: K }>;
type CpuStatement = Of<'psw' | 'write' | 'read' | 'io' | 'mchk'>;

/** psw, mem, io. Undefined if the machine lacks something (reported). */
export function cpuStep(
  statement: CpuStatement,
  cpu: ProgramCpu,
  machine: ProgramMachine,
  report: ReportMissing,
): HostStep | undefined {
  switch (statement.kind) {
    case 'psw': {
      const change = pswChange(statement.fields);
      return makeStep(statement, machine, () => {
        if (statement.fields.length > 0) cpu.changePsw(change);
        return checkPsw(cpu, statement.expect);
      });
    }
    case 'io':
      return makeStep(statement, machine, () => takeInterruption(cpu, statement.expect));
    case 'mchk':
      return makeStep(statement, machine, () => takeMachineCheck(cpu, statement.expect));
    case 'write': {
      const { bytes, address } = statement;
      const length = (bytes.hex.length / 2) * bytes.times;
      if (!inStorage(cpu, address, length, report)) return undefined;
      // Expanded where they go, when they go there: a short line may be 16 MiB, and a program has many lines.
      return makeStep(statement, machine, () => {
        fill(cpu.storage.subarray(address, address + length), bytes);
        cpu.wrote?.(address, length);
        return NOTHING;
      });
    }
    case 'read': {
      if (!inStorage(cpu, statement.address, statement.length, report)) return undefined;
      return makeStep(statement, machine, () => readMemory(cpu, statement));
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
  const all = new Uint8Array((bytes.hex.length / 2) * bytes.times);
  fill(all, bytes);
  return all;
}

/** Writes the pattern once, and then copies what is there behind itself, which doubles it each time. */
function fill(target: Uint8Array, bytes: Bytes): void {
  const unit = bytes.hex.length / 2;
  for (let i = 0; i < unit; i++) target[i] = Number.parseInt(bytes.hex.slice(2 * i, 2 * i + 2), 16);
  for (let done = unit; done < target.length; done *= 2)
    target.copyWithin(done, 0, Math.min(done, target.length - done));
}

function readMemory(cpu: ProgramCpu, statement: Of<'read'>): HostOutcome {
  const { address, length, expect } = statement;
  const got = cpu.storage.subarray(address, address + length);
  // The text is made only on demand: it has two digits for each of up to 16 MiB, on every line of a long program.
  const outcome = (differences: readonly Difference[]): HostOutcome => ({
    interruption: undefined,
    differences,
    get result() {
      return hexOf(got);
    },
  });
  if (expect === undefined) return outcome([]);
  const expected = expand(expect);
  if (Buffer.compare(expected, got) === 0) return outcome([]);
  const at = expected.findIndex((byte, index) => byte !== got[index]);
  const short = length <= 64;
  const field = short ? 'bytes' : `bytes at 0x${(address + at).toString(16)}`;
  const difference = short
    ? { field, expected: printBytes(expect), got: hexOf(got) }
    : {
        field,
        expected: hexOf(expected.subarray(at, at + 16)),
        got: hexOf(got.subarray(at, at + 16)),
      };
  return outcome([difference]);
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

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

function takeMachineCheck(cpu: ProgramCpu, expected: MachineCheck | undefined): HostOutcome {
  const got = cpu.takeMachineCheck() ? 'crw' : 'none';
  const outcome = { ...NOTHING, result: got };
  if (expected === undefined || expected === got) return outcome;
  return { ...outcome, differences: [{ field: 'mchk', expected, got }] };
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
    if (name === 'mck') change.mck = number === 1;
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
    mck: BigInt(psw.mck),
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
