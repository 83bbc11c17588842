// SPDX-License-Identifier: Apache-2.0
// What does sharing cost: an intercepted instruction on a virtual queue against an interpreted one on a queue of the guest's own, and what
// guests get of a card that they share?
import { createMachine, type LibraryCpu, type Machine } from '../../src/index.ts';
import { type Finding, pairedFinding, type Question, type QuestionContext } from '../findings.ts';
import { FLOOD, figuresOf, LIGHT, p99Of, sharingOf } from '../machine/shared-card.ts';
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
const APQN = 0x0504;
const SIZES: Readonly<Record<string, number>> = { '64': 64, '3K': 3072 };
const REPEATS = 256;
const CARD = [6];
const SMOKE_NS = 20_000_000;

const tapqs = (cpu: LibraryCpu) => (): void => {
  for (let n = 0; n < REPEATS; n++) cpu.tapq(APQN);
};

const pairs = (cpu: LibraryCpu, length: number) => (): void => {
  for (let n = 0; n < REPEATS; n++) {
    cpu.nqap(APQN, { psmid: 1n, address: 0x1000, length });
    const { cc } = cpu.dqap(APQN, { address: 0x8000, length });
    if (cc !== 0) throw new Error(`DQAP ended with condition code ${cc}`);
  }
};

const cost = (machine: Machine, variant: string, context: QuestionContext): Finding => {
  const size = SIZES[variant];
  const work = (name: string): (() => void) => {
    const cpu = machine.guest(name).cpu(0);
    return size === undefined ? tapqs(cpu) : pairs(cpu, size);
  };
  const times = measureRounds(
    [
      { name: 'own', operations: REPEATS, run: work('Own') },
      { name: 'shared', operations: REPEATS, run: work('Shares') },
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
