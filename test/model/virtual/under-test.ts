// SPDX-License-Identifier: Apache-2.0
// What a lockstep run needs from a machine with virtual mdevs. Guests are counted from 0, each has one vCPU.

import type { Outcome, Psw } from '../../vectors/under-test.ts';
import type { HostOperation, Partition } from './machine.ts';

export interface VirtualMachineUnderTest {
  /** What the machine shows of itself. */
  readonly partition: Partition;
  execute(guest: number, word: number): Outcome;
  register(guest: number, n: number): bigint;
  setRegister(guest: number, n: number, value: bigint): void;
  psw(guest: number): Psw;
  setPsw(guest: number, psw: Psw): void;
  storage(guest: number): Uint8Array;
  write(guest: number, address: number, bytes: Uint8Array): void;
  advance(ns: number): void;
  /** The errno or `ok`, and the time the operation needed. */
  host(operation: HostOperation): { readonly outcome: string; readonly tookNs: number };
  /** Sub-classes of interruptions that are pending for the guest, ascending. */
  pendingIscs(guest: number): readonly number[];
  mapText(guest: number): string;
  /** Messages on each real queue, by card and domain as the preset lists them. */
  load(): string;
  close(): void;
}
