// SPDX-License-Identifier: Apache-2.0
// What does an instruction cost that ends without doing anything: an APQN outside the masks, a program exception?
import { FC_TAPQ, GR0_FC_SHIFT, GR0_RESERVED } from '../../native-like/arch/function-codes.ts';
import { PSW_PROBLEM } from '../../native-like/arch/psw.ts';
import { V_PSW_ADDRESS_LOW, V_PSW_MASK_HIGH } from '../../native-like/machine/layout.ts';
import type { Finding, Question, QuestionContext } from '../findings.ts';
import { type BenchMachine, buildMachine, loadRegisters } from '../machine/machine.ts';
import { createRandom } from '../machine/random.ts';
import { dqap, type Instruction, nqap, tapq } from '../machine/tables.ts';
import { measureExecuted } from './driven.ts';

const GUESTS = 64;
const CALLS = 4096;
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
  const machine = await buildMachine({ guests: GUESTS, isRefused: () => true });
  const { row, problem = false } = VARIANTS[variant];
  if (problem) setProblemState(machine);
  const random = createRandom(GUESTS);
  const { vcpus } = machine;
  for (const vcpu of vcpus) loadRegisters(machine.image, row(vcpu, random.below(0x10000), vcpu));
  const { word } = row(0, 0, 0);
  const turns = Array.from({ length: CALLS }, () => vcpus[random.below(GUESTS)]);
  return [await measureExecuted(variant, machine, turns, word, context)];
};

export const refused: Question = { name: 'refused', variants: Object.keys(VARIANTS), measure };
