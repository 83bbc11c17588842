// SPDX-License-Identifier: Apache-2.0
// How much of this computer's RSA do guests get? RSA-2048 CRT through NQAP and DQAP on all cores, with the key in every message
// and none imported beforehand, against a bare OpenSSL loop on imported keys, in turns.
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { configFromObject } from '../../src/config/load.ts';
import type { MachineConfig } from '../../src/config/types.ts';
import { ENDLESS, withLoad } from '../../src/load/overrides.ts';
import { answeredOf, summarise } from '../../src/load/summary.ts';
import { PooledMachine } from '../../src/vcpu-pool/pooled-machine.ts';
import type { WorkerReport } from '../../src/vcpu-pool/task.ts';
import { type Finding, type Question, type QuestionContext, valueFinding } from '../findings.ts';
import { median, quartiles } from '../measure/statistics.ts';
import type { RsaLoop, RsaTask } from '../workers/rsa-worker.ts';

const ROUNDS = 2;
const DURATION_MS = 1500;
const WARMUP_MS = 1000;
const SMOKE_MS = 60;

/** One accelerator that answers at once, and a guest with one queue for each core. */
const machineConfig = (cores: number): MachineConfig =>
  withLoad(
    configFromObject({
      machine: {
        adapters: { 5: { mode: 'accelerator' } },
        usageDomains: Array.from({ length: cores }, (_, n) => n),
      },
      guests: Object.fromEntries(
        Array.from({ length: cores }, (_, n) => [
          `Guest${n + 1}`,
          {
            memory: '1MiB',
            mdev: { adapters: [5], domains: [n] },
            program: 'ap-bus',
            workload: 'rsa-2048-crt',
          },
        ]),
      ),
    }).config,
    { messages: ENDLESS },
  );

/** What one side did in one round. */
interface Side {
  readonly perSecond: number;
  /** CPU time of one operation. */
  readonly cpuUs: number;
}

/** The bare loop on all cores. */
const bare = async (cores: number, task: RsaTask): Promise<Side> => {
  const file = new URL('../workers/rsa-worker.js', import.meta.url);
  const loops = Array.from(
    { length: cores },
    () =>
      new Promise<RsaLoop>((resolve, reject) => {
        const worker = new Worker(file, { workerData: task });
        worker.once('message', resolve);
        worker.once('error', reject);
      }),
  );
  const results = await Promise.all(loops);
  const operations = results.reduce((sum, loop) => sum + loop.operations, 0);
  return {
    perSecond: results.reduce((sum, loop) => sum + (loop.operations * 1000) / loop.ms, 0),
    // Each loop saw the CPU time of all of them.
    cpuUs: results.reduce((sum, loop) => sum + loop.cpuUs, 0) / cores / operations,
  };
};

interface Driven extends Side {
  readonly wrong: number;
  readonly hits: number;
  readonly misses: number;
}

const answeredIn = (reports: Iterable<WorkerReport>): number =>
  [...reports].flatMap(({ vcpus }) => vcpus).reduce((sum, vcpu) => sum + answeredOf(vcpu), 0);

const cpuNowUs = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** Messages through the queues, after a warm-up in which threads start and keys come for the first time. */
const driven = async (cores: number, durationMs: number, warmupMs: number): Promise<Driven> => {
  const latest = new Map<number, WorkerReport>();
  const pooled = await PooledMachine.start(machineConfig(cores), {
    workers: cores,
    onProgress: (report) => latest.set(report.thread, report),
  });
  try {
    await sleep(warmupMs);
    while (latest.size < cores) await sleep(20);
    const from = {
      answered: answeredIn(latest.values()),
      cpuUs: cpuNowUs(),
      ms: performance.now(),
    };
    await sleep(durationMs);
    pooled.stop();
    const reports = await pooled.finished();
    const cpuUs = cpuNowUs() - from.cpuUs;
    const ms = performance.now() - from.ms;
    const answered = answeredIn(reports) - from.answered;
    const sum = (of: (report: WorkerReport) => number): number =>
      reports.reduce((total, report) => total + of(report), 0);
    return {
      perSecond: (answered * 1000) / ms,
      cpuUs: cpuUs / answered,
      wrong: sum(({ vcpus }) =>
        vcpus.reduce((all, vcpu) => all + (summarise(vcpu).messages?.['wrong'] ?? 0), 0),
      ),
      hits: sum(({ keyCache }) => keyCache.hits),
      misses: sum(({ keyCache }) => keyCache.misses),
    };
  } finally {
    await pooled.close();
  }
};

const measure = async (_variant: string, context: QuestionContext): Promise<Finding[]> => {
  const cores = availableParallelism();
  const [rounds, durationMs, warmupMs] = context.smoke
    ? [1, SMOKE_MS, 1]
    : [ROUNDS, DURATION_MS, WARMUP_MS];
  const pairs: { readonly base: Side; readonly through: Driven }[] = [];
  for (let round = 0; round < rounds; round++) {
    const base = await bare(cores, { warmupMs, durationMs });
    pairs.push({ base, through: await driven(cores, durationMs, warmupMs) });
  }
  const ratios = pairs.map(({ base, through }) => through.perSecond / base.perSecond);
  const sum = (of: (through: Driven) => number): number =>
    pairs.reduce((total, { through }) => total + of(through), 0);
  const hitPercent = ({ hits, misses }: Driven): number =>
    (100 * hits) / Math.max(1, hits + misses);
  return [
    {
      row: 'rsa-2048-crt',
      value: median(pairs.map(({ through }) => through.perSecond)),
      ratio: median(ratios),
      spread: quartiles(ratios),
      detail: {
        basePerSecond: median(pairs.map(({ base }) => base.perSecond)),
        cpuRatio: median(pairs.map(({ base, through }) => base.cpuUs / through.cpuUs)),
        cpuUs: median(pairs.map(({ through }) => through.cpuUs)),
        baseCpuUs: median(pairs.map(({ base }) => base.cpuUs)),
        wrong: sum(({ wrong }) => wrong),
        cores,
      },
    },
    valueFinding(
      'rsa-key-cache',
      pairs.map(({ through }) => hitPercent(through)),
    ),
  ];
};

/** Target: ratio at least 0.8 (issue 5). By the clock, in turns; `cpuRatio` is by CPU time, which charges us the host thread too. */
export const rsa: Question = { name: 'rsa', variants: ['2048-crt'], measure };
