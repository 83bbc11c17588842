// SPDX-License-Identifier: Apache-2.0
// What does an instruction cost that ends without doing anything: an APQN outside the masks, a program exception?
import { FC_TAPQ, GR0_FC_SHIFT, GR0_RESERVED } from '../../native-like/arch/function-codes.ts';
import {
  PSW_PROBLEM,
  V_PSW_ADDRESS_LOW,
  V_PSW_MASK_HIGH,
} from '../../native-like/machine/layout.ts';
import type { Finding, Question, QuestionContext } from '../findings.ts';
import { type BenchMachine, buildMachine } from '../machine/machine.ts';
import { createRandom } from '../machine/random.ts';
import { dqap, type Instruction, instructionTable, nqap, tapq } from '../machine/tables.ts';
import { measureDriven } from './driven.ts';

const ROWS = 4096;
const LENGTH = 64;

type MakeRow = (vcpu: number, apqn: number, n: number) => Instruction;

const VARIANTS: Readonly<Record<string, { readonly row: MakeRow; readonly problem?: boolean }>> = {
  /** No mask bit is on: response code 01. */
  'refused-tapq': { row: tapq },
  'refused-nqap': { row: (vcpu, apqn, n) => nqap(vcpu, apqn, 0, LENGTH, n) },
  'refused-dqap': { row: (vcpu, apqn) => dqap(vcpu, apqn, 0, LENGTH) },
  /** Reserved bits of GR0: specification exception. */
  specification: {
    row: (vcpu, apqn) => ({
      ...tapq(vcpu, apqn),
      gr0: (FC_TAPQ << GR0_FC_SHIFT) | (GR0_RESERVED & 0x00010000) | apqn,
    }),
  },
  /** Problem state: privileged-operation exception. */
  privileged: { row: tapq, problem: true },
};

const setProblemState = (machine: BenchMachine): void => {
  for (const vcpu of machine.vcpus) {
    machine.image.i32[vcpu + V_PSW_MASK_HIGH] |= PSW_PROBLEM;
    machine.image.i32[vcpu + V_PSW_ADDRESS_LOW] = 0x1000;
  }
};

const measure = async (variant: string, context: QuestionContext): Promise<Finding[]> => {
  const guests = 64;
  const machine = await buildMachine({ guests, adapters: 8, domains: 8, isRefused: () => true });
  const { row, problem = false } = VARIANTS[variant] as (typeof VARIANTS)[string];
  if (problem) setProblemState(machine);
  const random = createRandom(ROWS);
  const rows = Array.from({ length: ROWS }, (_, n) =>
    row(machine.vcpus[random.below(guests)] as number, random.below(0x10000), n),
  );
  return [await measureDriven(variant, machine, instructionTable(rows), context)];
};

export const refused: Question = { name: 'refused', variants: Object.keys(VARIANTS), measure };
