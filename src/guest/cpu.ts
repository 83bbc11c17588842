// SPDX-License-Identifier: Apache-2.0
// What guest code sees of its machine: one virtual CPU with its registers, its storage and its clock. It sees nothing of the host.

/** Results of `Cpu.execute`. Intercepted instructions are handled below the guest and never seen here. */
export const COMPLETED = 0;
export const PROGRAM_INTERRUPTION = 1;

/**
 * One virtual CPU. Instructions are plain calls: load registers, execute, read registers.
 * A 64-bit register is two 32-bit halves; halves are read as signed 32-bit numbers, use `>>> 0` to print them.
 */
export interface Cpu {
  /** Low half (bits 32-63) of general register `n`, 0-15. */
  grLow(n: number): number;
  /** High half (bits 0-31) of general register `n`, 0-15. */
  grHigh(n: number): number;
  setGr(n: number, high: number, low: number): void;
  /** Executes one 4-byte instruction word once. Returns COMPLETED or PROGRAM_INTERRUPTION. */
  execute(instruction: number): number;
  /** Condition code left by the last completed instruction, 0-3. */
  conditionCode(): number;
  /** Program-interruption code of the last PROGRAM_INTERRUPTION. */
  programInterruption(): number;
  /** The guest's absolute storage, byte by byte. */
  readonly storage: Uint8Array;
  /**
   * The same bytes, for a program that tells with `wroteStorage` what it has written. A guest whose storage nobody holds as a whole is
   * taken back to a checkpoint at the cost of what was written, and not of the storage's size.
   */
  readonly reportedStorage: Uint8Array;
  /** Tells that bytes of `reportedStorage` were written. Instructions tell by themselves what they store. */
  wroteStorage(address: number, bytes: number): void;
  /** Facility bit as STORE FACILITY LIST EXTENDED shows it (12 QCI, 15 APFT, 65 AP interruptions, 76 MSAX3). */
  facility(bit: number): boolean;
  /**
   * Takes one pending adapter interruption this CPU is enabled for and returns its interruption word (as an unsigned number,
   * bit 0 set), or 0 when none is pending. Stands for the guest's I/O new PSW handler being entered.
   */
  takeInterruption(): number;
  /**
   * Takes the pending machine check of a channel report, if this CPU is enabled for it, and returns whether there was one. Stands for the
   * guest's machine-check new PSW handler being entered; what is reported is then fetched with STCRW.
   */
  takeMachineCheck(): boolean;
  /** Sets PSW bit 13: whether machine checks are taken. Programs that cannot handle any leave it off. */
  enableMachineChecks(on: boolean): void;
  /** Guest time in nanoseconds. */
  nowNs(): number;
  /**
   * Makes memory that the program brings along the guest's absolute storage: operands and notification bytes are addresses in it, and its
   * size is the storage's. CPUs outside a machine may not have this.
   */
  bringStorage?(storage: Uint8Array): void;
}

/** Result of a step: run me again at once. */
export const WAIT_NOTHING = 0;
/** Result of a step: run me when an interruption is pending. */
export const WAIT_INTERRUPTION = -1;
/** Result of a step: the program has ended. */
export const WAIT_DONE = -2;
/** What a step waits for: one of the constants; or a positive time on the scale of `nowNs()`, to be run then or at an interruption. */
export type Wait = number;

/**
 * A guest program. Its state is plain data (numbers, strings, arrays, plain objects, Uint8Array), so that a running machine can be saved.
 * A step executes a limited number of instructions (at most a few hundred) and returns what it waits for.
 */
export interface GuestProgram<State = unknown> {
  readonly name: string;
  init(args: Readonly<Record<string, unknown>>): State;
  step(cpu: Cpu, state: State): Wait;
  /** For a state that is not plain data: remembers it as it is now. The function that is returned puts it back, as often as wanted. */
  remember?(state: State): () => void;
}
