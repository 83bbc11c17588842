// SPDX-License-Identifier: Apache-2.0
// How much more do two workers do than one: on guests and queues of their own, and on one queue?
import { ATTENTION_SHARED, Q_ATTENTION } from '../../native-like/machine/layout.ts';
import type { Finding, Question, QuestionContext } from '../findings.ts';
import { type BenchMachine, buildMachine, primeQueues } from '../machine/machine.ts';
import { createRandom, shuffle } from '../machine/random.ts';
import { dqap, type Instruction, instructionTable, nqap } from '../machine/tables.ts';
import { median, quartiles } from '../measure/statistics.ts';
import type { ScalingTask } from '../workers/scaling-worker.ts';
import {
  W_COMMAND,
  W_DONE,
  W_DURATION,
  W_ELAPSED,
  W_OPERATIONS,
  W_WORK,
  WORK_KERNEL,
  WORK_REFERENCE,
  WORKER_WORDS,
} from '../workers/shared-words.ts';
import { ended, spawnWorker } from '../workers/spawn.ts';

const WORKERS = 2;
const PAIRS = 64;
const LENGTH = 64;
const REQUEST_AT = 0x1000;
const REPLY_AT = 0x8000;
const SLICE_US = 4000;
const SLICE_SMOKE_US = 500;
const WARMUP_US = 200_000;

const messageTable = (vcpu: number, apqn: number): Int32Array => {
  const rows: Instruction[] = [];
  for (let n = 0; n < PAIRS; n++)
    rows.push(nqap(vcpu, apqn, REQUEST_AT, LENGTH, n), dqap(vcpu, apqn, REPLY_AT, LENGTH));
  return instructionTable(rows);
};

/** Two workers and the words they are commanded with. */
class Pair {
  readonly #words = new Int32Array(new SharedArrayBuffer(WORKERS * WORKER_WORDS * 4));
  readonly #workers;
  #command = 0;

  constructor(machine: BenchMachine, shared: boolean, context: QuestionContext) {
    // Shared queues: 0 for the kernel, marked as shared, and 1 for the reference, whose lock is all it knows.
    const sharedQueue = shared ? machine.image.queue(1) : 0;
    this.#workers = machine.vcpus.slice(0, WORKERS).map((vcpu, n) => {
      const task: ScalingTask = {
        memory: machine.image.memory,
        words: this.#words,
        base: n * WORKER_WORDS,
        thread: n + 1,
        reference: context.reference,
        kernelTable: messageTable(vcpu, shared ? 0 : n),
        referenceTable: messageTable(vcpu, shared ? 1 : n),
        sharedQueue,
      };
      return spawnWorker('scaling-worker', task);
    });
  }

  /** Operations a microsecond of these workers, running at the same time. */
  run(workers: readonly number[], work: number, durationUs: number): number {
    const words = this.#words;
    this.#command++;
    for (const n of workers) {
      const base = n * WORKER_WORDS;
      words[base + W_WORK] = work;
      words[base + W_DURATION] = durationUs;
      Atomics.store(words, base + W_COMMAND, this.#command);
    }
    for (const n of workers) Atomics.notify(words, n * WORKER_WORDS + W_COMMAND);
    let rate = 0;
    for (const n of workers) {
      const base = n * WORKER_WORDS;
      for (;;) {
        const done = Atomics.load(words, base + W_DONE);
        if (done === this.#command) break;
        Atomics.wait(words, base + W_DONE, done, 1000);
      }
      rate += words[base + W_OPERATIONS] / words[base + W_ELAPSED];
    }
    return rate;
  }

  async close(): Promise<void> {
    this.#workers.forEach((_, n) => {
      Atomics.store(this.#words, n * WORKER_WORDS + W_COMMAND, -1);
      Atomics.notify(this.#words, n * WORKER_WORDS + W_COMMAND);
    });
    await Promise.all(this.#workers.map(ended));
  }
}

/** Combined rate of both workers over the rate of one. */
const scalingOf = (pair: Pair, work: number, durationUs: number, order: number[][]): number => {
  const rates = new Map(order.map((workers) => [workers, pair.run(workers, work, durationUs)]));
  let alone = 0;
  let both = 0;
  for (const [workers, rate] of rates) {
    if (workers.length === 1) alone += rate;
    else both = rate;
  }
  return both / (alone / WORKERS);
};

const buildPairMachine = async (shared: boolean): Promise<BenchMachine> => {
  const machine = await buildMachine({ guests: WORKERS, domains: WORKERS });
  primeQueues(machine, machine.vcpus[0], [0, 1]);
  if (shared) machine.image.i32[machine.image.queue(0) + Q_ATTENTION] = ATTENTION_SHARED;
  return machine;
};

const measure = async (variant: string, context: QuestionContext): Promise<Finding[]> => {
  const shared = variant === 'one-queue';
  const pair = new Pair(await buildPairMachine(shared), shared, context);
  const sliceUs = context.smoke ? SLICE_SMOKE_US : SLICE_US;
  const warmupUs = context.smoke ? SLICE_SMOKE_US : WARMUP_US;
  for (const work of [WORK_KERNEL, WORK_REFERENCE]) pair.run([0, 1], work, warmupUs);
  const random = createRandom(context.pace.rounds);
  const scaling = new Map([
    [WORK_KERNEL, [] as number[]],
    [WORK_REFERENCE, [] as number[]],
  ]);
  for (let round = 0; round < context.pace.rounds; round++) {
    for (const work of shuffle([...scaling.keys()], random)) {
      const order = shuffle([[0], [1], [0, 1]], random);
      scaling.get(work)?.push(scalingOf(pair, work, sliceUs, order));
    }
  }
  await pair.close();
  return [findingOf(`scaling-${variant}`, scaling)];
};

const findingOf = (row: string, scaling: ReadonlyMap<number, readonly number[]>): Finding => {
  const kernel = scaling.get(WORK_KERNEL) as readonly number[];
  const reference = scaling.get(WORK_REFERENCE) as readonly number[];
  const ratios = kernel.map((value, n) => value / reference[n]);
  return {
    row,
    value: median(kernel),
    ratio: median(ratios),
    spread: quartiles(ratios),
    detail: { referenceScaling: median(reference) },
  };
};

export const scaling: Question = {
  name: 'scaling',
  variants: ['disjoint', 'one-queue'],
  measure,
};
