// SPDX-License-Identifier: Apache-2.0
// What does sharing cost: an intercepted instruction on a virtual queue against an interpreted one on a queue of the guest's own, and what
// guests get of a card that they share?
import { createMachine, type Machine } from '../../src/index.ts';
import { type Finding, pairedFinding, type Question, type QuestionContext } from '../findings.ts';
import { loadRegisters } from '../machine/machine.ts';
import { FLOOD, figuresOf, LIGHT, p99Of, sharingOf } from '../machine/shared-card.ts';
import { dqap, type Instruction, nqap, tapq } from '../machine/tables.ts';
import { measureRounds } from '../measure/rounds.ts';

/** Adapters that answer at once, as in the other rows of messages. */
const CONFIG = `
apemu: 1
machine:
  adapters: { 5: { mode: loopback }, 6: { mode: loopback } }
  usageDomains: [4]
host: { kernel: mixed }
guests:
  Own: { memory: 1MiB, mdev: { adapters: [5], domains: [4] } }
  Shares: { memory: 1MiB, mdev: { type: virtual, adapters: { 5: [6] }, domains: { 4: [4] } } }
`;
const OWN = 1;
const SHARES = 2;
const APQN = 0x0504;
const SIZES: Readonly<Record<string, number>> = { '64': 64, '3K': 3072 };
const REPEATS = 256;
const REQUEST_AT = 0x1000;
const REPLY_AT = 0x8000;
const CARD = [6];
const SMOKE_NS = 20_000_000;

/** One TAPQ, or a pair of NQAP and DQAP. */
const rowsOf = (vcpu: number, variant: string): Instruction[] => {
  const length = SIZES[variant];
  return length === undefined
    ? [tapq(vcpu, APQN)]
    : [nqap(vcpu, APQN, REQUEST_AT, length, 1), dqap(vcpu, APQN, REPLY_AT, length)];
};

/** As a guest executes it: through the context, which handles intercepts. */
const execute = ({ image, context }: Machine, row: Instruction): void => {
  loadRegisters(image, row);
  context.execute(row.vcpu, row.word);
};

const cost = (machine: Machine, variant: string, context: QuestionContext): Finding => {
  const work = (guest: number): (() => void) => {
    const rows = rowsOf(machine.image.vcpu(guest), variant);
    return () => {
      for (let n = 0; n < REPEATS; n++) for (const row of rows) execute(machine, row);
    };
  };
  const times = measureRounds(
    [
      { name: 'own', operations: REPEATS, run: work(OWN) },
      { name: 'shared', operations: REPEATS, run: work(SHARES) },
    ],
    context.pace,
  );
  return pairedFinding(`virtual-${variant}`, times, 'shared', 'own');
};

const exact = (row: string, value: number): Finding => ({ row, value, spread: [value, value] });

const sharing = async (guests: number, durationNs?: number): Promise<Finding[]> => {
  const { throughput, unfairness } = await sharingOf(guests, CARD, durationNs);
  return [
    exact(`virtual-throughput-${guests}`, throughput),
    exact(`virtual-shares-${guests}`, unfairness),
  ];
};

const flood = async (durationNs?: number): Promise<Finding[]> => {
  const [alone] = await figuresOf([LIGHT], CARD, durationNs);
  const [beside] = await figuresOf([LIGHT, FLOOD], CARD, durationNs);
  return [exact('virtual-flood', p99Of(beside) / p99Of(alone))];
};

const measure = async (variant: string, context: QuestionContext): Promise<Finding[]> => {
  const durationNs = context.smoke ? SMOKE_NS : undefined;
  if (variant === 'flood') return flood(durationNs);
  if (variant === '2' || variant === '8') return sharing(Number(variant), durationNs);
  const machine = await createMachine(CONFIG);
  try {
    return [cost(machine, variant, context)];
  } finally {
    machine.close();
  }
};

export const virtual: Question = {
  name: 'virtual',
  variants: ['tapq', ...Object.keys(SIZES), '2', '8', 'flood'],
  measure,
};
