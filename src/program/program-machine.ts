// SPDX-License-Identifier: Apache-2.0
// What a program needs of a machine. The adapter to the real one is src/program/adapter.ts; tests bring a scripted one.
// Source: docs/design.md section 6 (state, clock, sysfs, lpar, fault lines).

import type { FaultConfig } from '../config/types.ts';
import type { EventStatement, MigrateFields } from './ast.ts';
import type { LparVerb } from './lpar-verbs.ts';

/** Fields of a vCPU's PSW and CR6 that a `psw` line names. Halves are signed 32-bit numbers. */
export interface ProgramPsw {
  /** Problem state. */
  p: boolean;
  /** Addressing mode. */
  am: 24 | 31 | 64;
  /** I/O interruptions enabled. */
  io: boolean;
  /** Machine checks enabled. */
  mck: boolean;
  /** Access key, 0-15. */
  key: number;
  /** DAT on. */
  dat: boolean;
  cc: number;
  iaHigh: number;
  iaLow: number;
  /** A program or I/O interruption loads the new PSW; otherwise the vCPU goes on with the PSW it had before the line. */
  loadsNewPsw: boolean;
  /** Low half of CR6: bit 32 + ISC enables that interruption subclass. */
  cr6: number;
}

/** One virtual CPU, driven a line at a time. The first seven members are those of src/guest/cpu.ts `Cpu`. */
export interface ProgramCpu {
  grLow(n: number): number;
  grHigh(n: number): number;
  setGr(n: number, high: number, low: number): void;
  /**
   * Executes one instruction word once: 0 completed, 1 program interruption (old PSW, ILC and code are then in the lowcore,
   * and the vCPU goes on with the PSW it had, unless `loadsNewPsw`). Intercepts are served before it returns.
   */
  execute(instruction: number): number;
  conditionCode(): number;
  programInterruption(): number;
  /** Takes one pending adapter interruption the vCPU is enabled for: its word as an unsigned number, 0 if there is none. */
  takeInterruption(): number;
  /** Takes the pending machine check of a channel report, if the vCPU is enabled for it; whether there was one. */
  takeMachineCheck(): boolean;
  /** The guest's absolute storage. Who writes into it says so with `wrote`. */
  readonly storage: Uint8Array;
  /** Bytes of `storage` were written: checkpoints take back what was. */
  readonly wrote?: (address: number, bytes: number) => void;
  readPsw(): ProgramPsw;
  /** Fields not given stay as they are. */
  changePsw(fields: Partial<ProgramPsw>): void;
}

/** How an operation of the host side ended. In stepped mode it has ended when the call returns, or is pending. */
export type OperationOutcome =
  | { readonly kind: 'ok'; readonly text: string }
  | { readonly kind: 'errno'; readonly name: string }
  | { readonly kind: 'pending' };

/** Host operations that go on step by step, and the rules that must hold between the steps. */
export interface ProgramSteps {
  /** Gives a thread a host line; it begins when the thread's earlier lines have ended. */
  begin(thread: string, line: SteppableLine, ended: (outcome: OperationOutcome) => void): void;
  /** Goes on to the thread's next step. `inner` is called at each point in the middle of it, where vCPUs may go on. Where it stands. */
  advance(thread: string, inner: (what: string) => void): string;
  /** Whether a thread has nothing left to do. */
  idle(thread: string): boolean;
  /** Everything goes on to its end. Names of threads that never end. */
  finish(): readonly string[];
  /** Looks at the machine; text of the first rule that did not hold so far (docs/reference/vfio-ap.md section 6.1). */
  broken(): string | undefined;
}

/** What a stepped line does. */
export type SteppableLine =
  | { readonly kind: 'sysfs'; readonly machine?: string; readonly command: string }
  | {
      readonly kind: 'lpar';
      readonly machine?: string;
      readonly verb: LparVerb;
      readonly values: readonly number[];
    }
  | { readonly kind: 'clock'; readonly advance: number | 'run' }
  | MigrateLine;

/** What a `migrate:` line does. */
export interface MigrateLine {
  readonly kind: 'migrate';
  readonly guest: string;
  /** Undefined: cancels. */
  readonly to: string | undefined;
  readonly options: MigrateFields;
}

export interface ProgramMachine {
  /** Names of several machines, in their order; not given: there is one, without a name. */
  readonly machineNames?: readonly string[];
  /** One of several machines. Undefined: there is none of this name. */
  readonly on?: (machine: string) => ProgramMachine | undefined;
  /** Moves a guest between several machines. ENODEV and others as the destination's QEMU would end with; EEXIST: it is there. */
  readonly migrate?: (line: MigrateLine) => OperationOutcome;
  /** Undefined: there is no such guest or vCPU. `guest` undefined: the host partition's own CPU. */
  cpu(guest: string | undefined, vcpu: number): ProgramCpu | undefined;
  /** UUID of a guest's mdev, for `$NAME`. */
  uuid(guest: string): string | undefined;
  guestNames(): readonly string[];
  /** Virtual nanoseconds since the start. */
  nowNs(): number;
  advance(ns: number): void;
  /** Runs until no reset, AQIC change, request in service, delayed fault or bounded poll is outstanding. */
  run(): void;
  /** One command of the administrator's shell: cat, echo, wait, … with `$NAME` already replaced. */
  sysfs(command: string): OperationOutcome;
  lpar(verb: LparVerb, values: readonly number[]): OperationOutcome;
  /** Whether faults may damage a guest kernel (`machine: { allowGuestDamage: true }`); not given: no. */
  readonly allowGuestDamage?: boolean;
  fault(fault: FaultConfig): void;
  clearFaults(): void;
  /** From the first call on, locks and writes of masks are steps. Not given: the machine has no steps. */
  readonly steps?: () => ProgramSteps;
  /**
   * Takes the events of the program, before its first line runs; from then on the guests' own programs run too. Not given: the machine
   * runs no scenarios.
   * @throws MistakesError for guests the machine does not have
   */
  readonly scenario?: (events: readonly EventStatement[], file: string) => void;
}
