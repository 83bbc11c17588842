// SPDX-License-Identifier: Apache-2.0
// What a vector is: operations on a machine, with what must come out, as plain data.

import type { Operation } from './operations.ts';
import type { MachinePreset } from './under-test.ts';

/** What an instruction must give. Registers and storage that are not named must keep their values. */
export interface Expectation {
  readonly cc?: number;
  /** GR1 bits 40-47; the other bits of GR1 are then free unless `gr` names them. */
  readonly rc?: number;
  /** Program interruption code; ILC 2 and old PSW behind the instruction unless named. */
  readonly pgm?: number;
  readonly ilc?: number;
  readonly oldPswAddress?: bigint;
  /** IPB of an instruction interception (icptcode 04, ipa = opcode). */
  readonly ipb?: number;
  readonly gr?: { readonly [n: number]: bigint };
  /** Bytes that must be there, in hexadecimal. */
  readonly storage?: readonly {
    readonly guest: number;
    readonly at: number;
    readonly hex: string;
  }[];
  /** Status words of queues, as the host's TAPQ would give them afterwards. */
  readonly status?: { readonly [apqn: number]: number };
  readonly pendingIscs?: readonly number[];
}

/** An operation alone, or with its expectation. */
export type Step = Operation | readonly [Operation, Expectation];

export interface Vector {
  /** A sentence with the architected term and the condition. */
  readonly name: string;
  readonly preset: MachinePreset;
  readonly steps: readonly Step[];
}
