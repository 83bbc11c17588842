// SPDX-License-Identifier: Apache-2.0
// How long until all vCPUs of a guest are out of interpretive execution when its masks change, and is any later result stale?
import { setTimeout as sleep } from 'node:timers/promises';
import { C_GENERATION, MASK_WORDS } from '../../native-like/machine/layout.ts';
import { Exclusion } from '../../src/vcpu-pool/sie.ts';
import type { Finding, Question, QuestionContext } from '../findings.ts';
import { type BenchMachine, buildMachine } from '../machine/machine.ts';
import { quantile, quartiles } from '../measure/statistics.ts';
import type { RunningTask } from '../workers/running-worker.ts';
import { R_BATCHES, R_STALE, R_STOP, R_STRIDE, R_WORKERS } from '../workers/shared-words.ts';
import { ended, spawnWorker } from '../workers/spawn.ts';
import { BATCH, loadTapqLoop } from './tapq.ts';

const VCPUS = 16;
/** Milliseconds between changes: vCPUs are well inside again. */
const PAUSE_MS = 1;

const stayAwake = (): void => {
  const start = performance.now();
  while (performance.now() - start < PAUSE_MS);
};

interface Load {
  readonly workers: number;
  /** Between two changes. */
  readonly pause: () => Promise<void> | void;
}

/**
 * One thread leaves a core to the host, which stays awake on it: from its sleep it would take five microseconds with nobody to wait
 * for. Four threads on two cores leave none, and the host sleeps as it does in a machine at work.
 */
const LOADS: Readonly<Record<string, Load>> = {
  spare: { workers: 1, pause: stayAwake },
  oversubscribed: { workers: 4, pause: () => sleep(PAUSE_MS) },
};
const CHANGES = 300;
/** Changes before those: until the host's code is compiled. */
const WARM_UP = 200;
const CHANGES_SMOKE = 10;

/** Every vCPU of the shape is a guest's; here all belong to guest 1. */
const buildSixteen = async (): Promise<BenchMachine> => {
  const machine = await buildMachine({ guests: 1, vcpus: VCPUS, storageBytes: 0x1000 });
  loadTapqLoop(machine, BATCH);
  return machine;
};

const startWorkers = async (
  machine: BenchMachine,
  words: Int32Array,
  count: number,
): Promise<ReturnType<typeof spawnWorker>[]> => {
  const { memory } = machine.image;
  const workers = Array.from({ length: count }, (_, worker) => {
    const vcpus = machine.vcpus.filter((_vcpu, n) => n % count === worker);
    const task: RunningTask = { memory, words, worker, vcpus, batch: BATCH };
    return spawnWorker('running-worker', task);
  });
  const batches = (worker: number): number =>
    Atomics.load(words, R_WORKERS + worker * R_STRIDE + R_BATCHES);
  while (workers.some((_, worker) => batches(worker) === 0)) await sleep(PAUSE_MS);
  return workers;
};

/** Takes the queue away or gives it back. Returns microseconds until all vCPUs were out. */
const changeOnce = (machine: BenchMachine, exclusion: Exclusion): number => {
  const { image } = machine;
  const { i32 } = image;
  const start = performance.now();
  let outMs = 0;
  exclusion.run(1, () => {
    outMs = performance.now() - start;
    const generation = i32[C_GENERATION] + 1;
    i32.fill(generation & 1 ? 0 : -1, image.masks(1), image.masks(1) + MASK_WORDS);
    i32[C_GENERATION] = generation;
  });
  return outMs * 1000;
};

const measure = async (variant: string, context: QuestionContext): Promise<Finding[]> => {
  const machine = await buildSixteen();
  const words = new Int32Array(new SharedArrayBuffer(4096));
  const { workers: count, pause } = LOADS[variant];
  const workers = await startWorkers(machine, words, count);
  const exclusion = new Exclusion(machine.image, count);
  const times: number[] = [];
  const [warmUp, changes] = context.smoke ? [0, CHANGES_SMOKE] : [WARM_UP, CHANGES];
  for (let n = 0; n < warmUp + changes; n++) {
    times.push(changeOnce(machine, exclusion));
    await pause();
  }
  times.splice(0, warmUp);
  Atomics.store(words, R_STOP, 1);
  await Promise.all(workers.map(ended));
  let stale = 0;
  for (let n = 0; n < count; n++) stale += words[R_WORKERS + n * R_STRIDE + R_STALE];
  return [
    {
      row: `masks-${variant}`,
      value: quantile(times, 0.5),
      spread: quartiles(times),
      detail: { stale, p99Us: quantile(times, 0.99) },
    },
  ];
};

export const masks: Question = { name: 'masks', variants: Object.keys(LOADS), measure };
