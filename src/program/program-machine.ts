// SPDX-License-Identifier: Apache-2.0
// What a program needs of a machine. The adapter to the real one is src/program/adapter.ts; tests bring a scripted one.
// Source: docs/design.md section 6 (state, clock, sysfs, lpar, fault lines).

import type { FaultConfig } from '../config/types.ts';
import type { EventStatement, MigrateFields } from './ast.ts';
import type { LparVerb } from './lpar-verbs.ts';

/** Fields of a vCPU's PSW and CR6 that a `psw` line names. Halves are signed 32-bit numbers. */
export interface ProgramPsw {
  /** Whether the CPU is in problem state. */
  p: boolean;
  /** Addressing mode. */
  am: 24 | 31 | 64;
  /** Whether I/O interruptions are enabled. */
  io: boolean;
  /** Whether machine checks are enabled. */
  mck: boolean;
  /** Access key, 0-15. */
  key: number;
  /** Whether DAT is on. */
  dat: boolean;
  cc: number;
  iaHigh: number;
  iaLow: number;
  /** Whether a program or I/O interruption loads the new PSW. If not, the vCPU goes on with the PSW it had before the line. */
  loadsNewPsw: boolean;
  /** Low half of CR6: bit 32 + ISC enables that interruption subclass. */
  cr6: number;
}

/** One virtual CPU that lines of a program drive. The first seven members are those of `Cpu` in src/guest/cpu.ts. */
export interface ProgramCpu {
  grLow(n: number): number;
  grHigh(n: number): number;
  setGr(n: number, high: number, low: number): void;
  /**
   * Executes one instruction word once. Returns 0 if it completed, 1 for a program interruption (old PSW, ILC and code are then in the
   * lowcore, and the vCPU goes on with the PSW it had, unless `loadsNewPsw`). An intercepted instruction was handled when this returns.
   */
  execute(instruction: number): number;
  conditionCode(): number;
  programInterruption(): number;
  /**
   * Takes one pending adapter interruption for which the vCPU is enabled. Returns its word as an unsigned number, or 0 if there is none.
   */
  takeInterruption(): number;
  /** Takes the pending machine check of a channel report, if the vCPU is enabled for it; whether there was one. */
  takeMachineCheck(): boolean;
  /** The guest's absolute storage. Code that writes into it reports that with `wrote`. */
  readonly storage: Uint8Array;
  /** Bytes of `storage` were written: checkpoints take back what was. */
  readonly wrote?: (address: number, bytes: number) => void;
  readPsw(): ProgramPsw;
  /** Fields not given stay as they are. */
  changePsw(fields: Partial<ProgramPsw>): void;
}

/** How an operation of the host side ended. In stepped mode, it has ended when the call returns, or it is pending. */
export type OperationOutcome =
  | { readonly kind: 'ok'; readonly text: string }
  | { readonly kind: 'errno'; readonly name: string }
  | { readonly kind: 'pending' };

/** Host operations that are done step by step, and the rules that must hold between the steps. */
export interface ProgramSteps {
  /** Gives a thread a host line; it begins when the thread's earlier lines have ended. */
  begin(thread: string, line: SteppableLine, ended: (outcome: OperationOutcome) => void): void;
  /**
   * Goes on to the thread's next step, and returns where the thread then is. `inner` is called at each point in the middle of the step at
   * which vCPUs can go on.
   */
  advance(thread: string, inner: (what: string) => void): string;
  /** Whether a thread has nothing left to do. */
  idle(thread: string): boolean;
  /** Lets everything go on to its end. Returns the names of threads that never end. */
  finish(): readonly string[];
  /** Looks at the machine; text of the first rule that did not hold so far (docs/reference/vfio-ap.md section 6.1). */
  broken(): string | undefined;
}

/** What a line with steps does. */
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
  /** Name of the destination; undefined to cancel the migration. */
  readonly to: string | undefined;
  readonly options: MigrateFields;
}

export interface ProgramMachine {
  /** Names of several machines, in their order; not given: there is one, without a name. */
  readonly machineNames?: readonly string[];
  /** Chooses one of several machines; undefined if there is none with this name. */
  readonly on?: (machine: string) => ProgramMachine | undefined;
  /**
   * Moves a guest between several machines. ENODEV and other errors are those with which the destination's QEMU would end; EEXIST: it is
   * there already.
   */
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
  /** Executes one command of the administrator's shell: cat, echo, wait and so on, in which `$NAME` was replaced already. */
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
