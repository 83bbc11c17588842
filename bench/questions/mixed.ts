// SPDX-License-Identifier: Apache-2.0
// What does a realistic stream cost: 40 % TAPQ, 5 % refused, 55 % NQAP and DQAP, in random order, on many guests and queues?
import type { Finding, Question, QuestionContext } from '../findings.ts';
import { type BenchMachine, buildMachine, primeQueues } from '../machine/machine.ts';
import { createRandom, type Random } from '../machine/random.ts';
import { dqap, type Instruction, instructionTable, nqap, tapq } from '../machine/tables.ts';
import { measureDriven } from './driven.ts';

const SIZES: Readonly<Record<string, number>> = { '64': 64, '3K': 3072, '12K': 12288 };
const GUESTS = 16;
const ROWS = 4096;
const DEPTH = 8;
/** In a thousand instructions. */
const TAPQ_SHARE = 400;
const REFUSED_SHARE = 50;
const REQUEST_AT = 0x1000;
const REPLY_AT = 0x8000;

/** Queue n belongs to guest n: adapter 0, domain n. */
interface Stream {
  readonly machine: BenchMachine;
  readonly random: Random;
  readonly length: number;
  /** Messages on each queue, so that none is full or empty when it must not be. */
  readonly waiting: number[];
}

const messageRow = (stream: Stream, queue: number): Instruction => {
  const { machine, random, waiting, length } = stream;
  const vcpu = machine.vcpus[queue];
  const there = waiting[queue];
  const enqueues = there === 0 || (there < DEPTH && random.below(2) === 0);
  waiting[queue] = there + (enqueues ? 1 : -1);
  return enqueues
    ? nqap(vcpu, queue, REQUEST_AT, length, random.below(0x7fffffff))
    : dqap(vcpu, queue, REPLY_AT, length);
};

const nextRow = (stream: Stream): Instruction => {
  const { machine, random } = stream;
  const queue = random.below(GUESTS);
  const share = random.below(1000);
  const vcpu = machine.vcpus[queue];
  if (share < TAPQ_SHARE) return tapq(vcpu, queue);
  // No queue has this domain.
  if (share < TAPQ_SHARE + REFUSED_SHARE) return tapq(vcpu, 0xff00 | queue);
  return messageRow(stream, queue);
};

/** The stream leaves every queue empty, so that it can be repeated. */
export const mixedRows = (machine: BenchMachine, length: number, count: number): Instruction[] => {
  const waiting = new Array<number>(GUESTS).fill(0);
  const stream: Stream = { machine, random: createRandom(count + length), length, waiting };
  const rows = Array.from({ length: count }, () => nextRow(stream));
  waiting.forEach((there, queue) => {
    for (let n = 0; n < there; n++) rows.push(dqap(machine.vcpus[queue], queue, REPLY_AT, length));
  });
  return rows;
};

export const buildMixedMachine = async (traced = false): Promise<BenchMachine> => {
  const machine = await buildMachine({ guests: GUESTS, domains: GUESTS, depth: DEPTH, traced });
  machine.vcpus.forEach((vcpu, queue) => {
    primeQueues(machine, vcpu, [queue]);
  });
  return machine;
};

const measure = async (variant: string, context: QuestionContext): Promise<Finding[]> => {
  const machine = await buildMixedMachine();
  const rows = mixedRows(machine, SIZES[variant], ROWS);
  return [await measureDriven(`mixed-${variant}`, machine, instructionTable(rows), context)];
};

export const mixed: Question = { name: 'mixed', variants: Object.keys(SIZES), measure };
