// SPDX-License-Identifier: Apache-2.0
// An AP program as data: one statement a line, every number a value, nothing of the notation left.
// Source: docs/design.md section 6.

import type { MovedInterruptions } from '../cluster/interruptions.ts';
import type { FaultConfig } from '../config/types.ts';
import type { ScenarioEvent, Trigger } from './events.ts';
import type { LparVerb } from './lpar-verbs.ts';
import type { Mnemonic } from './operands.ts';

/** The CPU that a line is about: a vCPU of a guest, or the host partition's own CPU (`guest` undefined, `vcpu` 0). */
export interface CpuName {
  readonly guest: string | undefined;
  readonly vcpu: number;
  /** With several machines: the one whose host CPU is meant. A guest's CPU is where the guest is. */
  readonly machine?: string;
}

/** A named number: `t`, `addr`, `gr2`, … Lists of them are in the order of the operand table, registers last. */
export interface Field {
  readonly name: string;
  readonly value: bigint;
}

/** Bytes, repeated: `00*4096` is one byte 4096 times. */
export interface Bytes {
  /** Hexadecimal digits, lower case, an even number, at least two. */
  readonly hex: string;
  readonly times: number;
}

/** How an operation of the host side must end. */
export type OutcomeExpectation =
  | { readonly kind: 'ok' }
  | { readonly kind: 'pending' }
  | { readonly kind: 'errno'; readonly name: string }
  | { readonly kind: 'text'; readonly text: string };

interface Line {
  /** Number of the line, from 1. */
  readonly line: number;
  /** What follows `#`, without it; undefined: no comment. */
  readonly comment: string | undefined;
}

/** A line about one of several machines: `B/sysfs:`. */
interface HostLine extends Line {
  /** Name of the machine; undefined for the only one. */
  readonly machine?: string;
}

export interface InstructionStatement extends Line {
  readonly kind: 'instruction';
  readonly cpu: CpuName;
  readonly mnemonic: Mnemonic;
  /** APID << 8 | APQI; undefined for qci, qbap, insn. */
  readonly apqn: number | undefined;
  readonly operands: readonly Field[];
  /** What is expected; if empty, nothing is checked. */
  readonly expect: readonly Field[];
}

export interface PswStatement extends Line {
  readonly kind: 'psw';
  readonly cpu: CpuName;
  readonly fields: readonly Field[];
  readonly expect: readonly Field[];
}

export interface MemoryWriteStatement extends Line {
  readonly kind: 'write';
  readonly cpu: CpuName;
  readonly address: number;
  readonly bytes: Bytes;
}

export interface MemoryReadStatement extends Line {
  readonly kind: 'read';
  readonly cpu: CpuName;
  readonly address: number;
  readonly length: number;
  readonly expect: Bytes | undefined;
}

export interface IoStatement extends Line {
  readonly kind: 'io';
  readonly cpu: CpuName;
  /** `none`: no interruption may be pending. */
  readonly expect: readonly Field[] | 'none';
}

/** What a `mchk` line finds: no machine check, or that of a channel report. */
export type MachineCheck = 'none' | 'crw';

export interface MachineCheckStatement extends Line {
  readonly kind: 'mchk';
  readonly cpu: CpuName;
  readonly expect: MachineCheck | undefined;
}

export interface ClockStatement extends Line {
  readonly kind: 'clock';
  /** Nanoseconds to advance; `run`: until nothing one-off is outstanding. */
  readonly advance: number | 'run';
  /** Virtual time afterwards, nanoseconds since the start. */
  readonly expectNowNs: number | undefined;
}

export interface SysfsStatement extends HostLine {
  readonly kind: 'sysfs';
  /** The command as written, `$NAME` included. */
  readonly command: string;
  readonly expect: OutcomeExpectation | undefined;
}

export interface LparStatement extends HostLine {
  readonly kind: 'lpar';
  readonly verb: LparVerb;
  /** Values in the order of the verb's row. */
  readonly values: readonly number[];
  readonly expect: OutcomeExpectation | undefined;
}

export interface FaultStatement extends HostLine {
  readonly kind: 'fault';
  /** The fault; `clear` removes all faults. */
  readonly fault: FaultConfig | 'clear';
}

/** A guest migrates to another machine, or a migration that is under way is cancelled. */
export interface MigrateStatement extends Line {
  readonly kind: 'migrate';
  readonly guest: string;
  /** Name of the machine; undefined: cancel. */
  readonly to: string | undefined;
  readonly options: MigrateFields;
  readonly expect: OutcomeExpectation | undefined;
}

/** How a guest migrates; what is not given is as QEMU has it. */
export interface MigrateFields {
  /** Number of bytes in a piece of the stream. */
  readonly chunk?: number;
  /** Nanoseconds for which the guest stands still while its storage moves. */
  readonly downtimeNs?: number;
  /** What becomes of interruptions that queues had enabled. */
  readonly interruptions?: MovedInterruptions;
  /** Bytes that arrive in place of what was sent, from an offset of the stream on. */
  readonly wire?: { readonly offset: number; readonly hex: string };
}

/** A line about the host that can be carried out step by step. */
export type SteppableStatement = SysfsStatement | LparStatement | ClockStatement | MigrateStatement;

/** Lets one named thread of the host go on: design.md section 6, concurrency. */
export interface StepStatement extends Line {
  readonly kind: 'step';
  /** Name of the thread. `all` lets everything that has begun go on to its end. */
  readonly thread: string;
  /** Number of steps; 1 for a line that begins one. */
  readonly count: number;
  /** The line the thread begins, with the same line number and no comment of its own. */
  readonly begins: SteppableStatement | undefined;
}

/** One event of a scenario: design.md section 10. A program that has one also runs the guests' own programs. */
export interface EventStatement extends Line {
  readonly kind: 'event';
  readonly trigger: Trigger;
  readonly event: ScenarioEvent;
}

export interface CommentStatement extends Line {
  readonly kind: 'comment';
}

export type Statement =
  | InstructionStatement
  | PswStatement
  | MemoryWriteStatement
  | MemoryReadStatement
  | IoStatement
  | MachineCheckStatement
  | ClockStatement
  | SysfsStatement
  | LparStatement
  | FaultStatement
  | MigrateStatement
  | StepStatement
  | EventStatement
  | CommentStatement;

export interface Program {
  /** The file as it was named, for messages and to resolve `config`. */
  readonly file: string;
  /** The `config` line: a path relative to the program file. */
  readonly config: string | undefined;
  /** Every line after the first but the `config` line; blank lines are comments without text. */
  readonly statements: readonly Statement[];
}
