// SPDX-License-Identifier: Apache-2.0
// What the emulator is measured against: the same loops in C, or in frozen JavaScript where there is no C compiler.

/** The loops of bench/machine/driver.ts, by another implementation, over the same memory. */
export interface Reference {
  /** Binds to an image (the whole memory as words). One image at a time. */
  attach(words: Int32Array): void;
  /** Runs up to `count` instructions at address 0 of each vCPU. Returns the sum of the endings. */
  runAll(vcpus: Int32Array, vcpuCount: number, count: number): number;
  /** Executes one instruction word on each vCPU, with the registers it has. Returns the sum of the endings. */
  executeAll(vcpus: Int32Array, vcpuCount: number, word: number): number;
  /** Executes rows of an instruction table. Returns the sum of the endings. */
  drive(table: Int32Array, rows: number): number;
  /** The same with the lock at word `lock` held around each instruction, by `owner`. */
  driveLocked(table: Int32Array, rows: number, lock: number, owner: number): number;
  /** How many of the first `count` words (guest number from 0 and APQN, 16 bits each) are authorized. */
  checks(table: Int32Array, count: number): number;
  /** The same with each word's place depending on the answer before it; `count` must be even. */
  checksChained(table: Int32Array, count: number): number;
}

/** Which of the two it is. */
export type ReferenceKind = 'c' | 'frozen';

/** A built reference, ready to be loaded by benchmark processes. */
export interface BuiltReference {
  readonly kind: ReferenceKind;
  /** The addon, or the module with the frozen kernel. */
  readonly file: string;
  /** For people: compiler and flags, or why there is none. */
  readonly description: string;
}

/** What ends an instruction the reference does not know: then a stream is wrong. */
export const EXECUTE_UNSUPPORTED = 9;
