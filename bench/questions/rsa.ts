// SPDX-License-Identifier: Apache-2.0
// How much of this computer's RSA do guests get? RSA-2048 CRT through NQAP and DQAP, with the key in every message and none
// imported beforehand, against a bare OpenSSL loop on imported keys: in turns on all cores; and at the same time on half of the
// cores each, which says the same where neighbours slow down one turn and not the other.
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { configFromObject } from '../../src/config/load.ts';
import type { MachineConfig } from '../../src/config/types.ts';
import { totalStatistics } from '../../src/guest/ap-bus-driver/total-statistics.ts';
import { isBusState } from '../../src/load/counts.ts';
import { ENDLESS, withLoad } from '../../src/load/overrides.ts';
import { answeredOf } from '../../src/load/summary.ts';
import { PooledMachine } from '../../src/vcpu-pool/pooled-machine.ts';
import type { WorkerReport } from '../../src/vcpu-pool/task.ts';
import { type Finding, type Question, type QuestionContext, valueFinding } from '../findings.ts';
import { median, quartiles } from '../measure/statistics.ts';
import type { RsaLoop, RsaTask } from '../workers/rsa-worker.ts';
import { measureNewKeys } from './rsa-new-keys.ts';

const ROUNDS = 2;
const DURATION_MS = 1500;
const WARMUP_MS = 1000;
const SMOKE_MS = 60;
const NS_PER_S = 1e9;

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

/** A report as it came. */
interface Mark {
  readonly answered: number;
  readonly nowNs: number;
}

const markOf = ({ vcpus, nowNs }: WorkerReport): Mark => ({
  answered: vcpus.reduce((sum, vcpu) => sum + answeredOf(vcpu), 0),
  nowNs,
});

const cpuNowUs = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/**
 * Messages through the queues, after a warm-up in which threads start and keys come for the first time. Each worker is counted
 * from its own report to its last one.
 */
const driven = async (cores: number, durationMs: number, warmupMs: number): Promise<Driven> => {
  const latest = new Map<number, Mark>();
  const pooled = await PooledMachine.start(machineConfig(cores), {
    workers: cores,
    onProgress: (report) => latest.set(report.thread, markOf(report)),
  });
  try {
    await sleep(warmupMs);
    latest.clear();
    while (latest.size < cores) await sleep(1);
    const from = new Map(latest);
    const fromCpuUs = cpuNowUs();
    await sleep(durationMs);
    pooled.stop();
    const reports = await pooled.finished();
    const cpuUs = cpuNowUs() - fromCpuUs;
    const spans = reports.map((report) => {
      const first = from.get(report.thread) as Mark;
      const last = markOf(report);
      return { answered: last.answered - first.answered, ns: last.nowNs - first.nowNs };
    });
    const sum = (of: (report: WorkerReport) => number): number =>
      reports.reduce((total, report) => total + of(report), 0);
    return {
      perSecond: spans.reduce((total, { answered, ns }) => total + (answered * NS_PER_S) / ns, 0),
      cpuUs: cpuUs / spans.reduce((total, { answered }) => total + answered, 0),
      wrong: sum(({ vcpus }) =>
        vcpus.reduce(
          (all, vcpu) => all + (isBusState(vcpu.state) ? totalStatistics(vcpu.state).wrong : 0),
          0,
        ),
      ),
      hits: sum(({ keyCache }) => keyCache.hits),
      misses: sum(({ keyCache }) => keyCache.misses),
    };
  } finally {
    await pooled.close();
  }
};

interface Pair {
  readonly base: Side;
  readonly through: Driven;
}

const inTurns = async (cores: number, durationMs: number, warmupMs: number): Promise<Pair> => {
  const base = await bare(cores, { warmupMs, durationMs });
  return { base, through: await driven(cores, durationMs, warmupMs) };
};

const atOnce = async (cores: number, durationMs: number, warmupMs: number): Promise<Pair> => {
  const half = Math.max(1, cores >> 1);
  const [base, through] = await Promise.all([
    bare(half, { warmupMs, durationMs }),
    driven(half, durationMs, warmupMs),
  ]);
  return { base, through };
};

const pairedSides = (row: string, pairs: readonly Pair[], detail = {}): Finding => {
  const ratios = pairs.map(({ base, through }) => through.perSecond / base.perSecond);
  return {
    row,
    value: median(pairs.map(({ through }) => through.perSecond)),
    ratio: median(ratios),
    spread: quartiles(ratios),
    detail: {
      basePerSecond: median(pairs.map(({ base }) => base.perSecond)),
      wrong: pairs.reduce((total, { through }) => total + through.wrong, 0),
      ...detail,
    },
  };
};

const measure = async (variant: string, context: QuestionContext): Promise<Finding[]> => {
  if (variant === 'new-keys') return measureNewKeys(context);
  const cores = availableParallelism();
  const [rounds, durationMs, warmupMs] = context.smoke
    ? [1, SMOKE_MS, 1]
    : [ROUNDS, DURATION_MS, WARMUP_MS];
  const round = variant === 'at-once' ? atOnce : inTurns;
  const pairs: Pair[] = [];
  for (let n = 0; n < rounds; n++) pairs.push(await round(cores, durationMs, warmupMs));
  if (variant === 'at-once') return [pairedSides('rsa-2048-crt-at-once', pairs)];
  const hitPercent = ({ hits, misses }: Driven): number =>
    (100 * hits) / Math.max(1, hits + misses);
  const detail = {
    cpuRatio: median(pairs.map(({ base, through }) => base.cpuUs / through.cpuUs)),
    cpuUs: median(pairs.map(({ through }) => through.cpuUs)),
    baseCpuUs: median(pairs.map(({ base }) => base.cpuUs)),
    cores,
  };
  return [
    pairedSides('rsa-2048-crt', pairs, detail),
    valueFinding(
      'rsa-key-cache',
      pairs.map(({ through }) => hitPercent(through)),
    ),
  ];
};

/** Target: ratio at least 0.8 (issue 5). By the clock, in turns; `cpuRatio` is by CPU time, which charges us the host thread too. */
export const rsa: Question = {
  name: 'rsa',
  variants: ['2048-crt', 'at-once', 'new-keys'],
  measure,
};
