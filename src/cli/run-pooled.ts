// SPDX-License-Identifier: Apache-2.0
// A load on the worker pool, in real time: progress, samples, and what it ends with.
// Source: docs/design.md sections 4 and 7.

import type { MachineConfig } from '../config/types.ts';
import { countsUntil, figuresBetween, figuresUntil, type LoadFigures } from '../load/figures.ts';
import { distribution } from '../load/percentiles.ts';
import type { HotPlugResult, RunResult } from '../load/result.ts';
import { type LoadSample, takeSample } from '../load/sample.ts';
import { Series } from '../load/series.ts';
import { StallWatch } from '../load/stall.ts';
import { guestLoad } from '../load/stepped.ts';
import { answeredOf, summarise } from '../load/summary.ts';
import { deadQueues } from '../load/verdict.ts';
import type { MachineWatch } from '../trace/machine-event.ts';
import { NS_PER_MS } from '../units.ts';
import { accountFor, type HotPlugOutcome, hotPlug } from '../vcpu-pool/hot-plug.ts';
import { PooledMachine } from '../vcpu-pool/pooled-machine.ts';
import type { WorkerReport } from '../vcpu-pool/task.ts';
import { wallTimer } from '../vcpu-pool/wall-timer.ts';
import type { CommandIo } from './io.ts';

const SHOWN_EVERY_MS = 250;
/** A run with hot plug and no duration. */
const HOT_PLUG_DURATION_NS = 30_000_000_000;

export interface PooledOptions extends MachineWatch {
  readonly seed?: number;
  readonly workers?: number;
  readonly durationNs?: number;
  readonly intervalNs: number;
  /** Take adapters from the guests and give them back, with this time between two changes. */
  readonly hotPlugNs?: number;
  /** Whether there is no progress on standard error. */
  readonly silent: boolean;
}

/** A machine on workers whose guests make a load, with the last report of each worker. */
class Watch {
  readonly series: Series;
  readonly #reports = new Map<number, WorkerReport>();
  readonly #fresh = new Set<number>();
  readonly #progress: Progress;
  readonly #stall = new StallWatch();
  pooled: PooledMachine | undefined;

  constructor(intervalNs: number, progress: Progress) {
    this.series = new Series(intervalNs);
    this.#progress = progress;
  }

  /** A sample needs news from every worker. */
  take(report: WorkerReport): void {
    this.#reports.set(report.thread, report);
    this.#fresh.add(report.thread);
    this.#progress.take(this.#reports);
    if (this.pooled === undefined || this.#fresh.size < this.pooled.workers) return;
    this.#fresh.clear();
    const sample = this.sample(this.pooled, [...this.#reports.values()]);
    this.series.add(sample);
    if (this.#stall.stalled(sample)) this.pooled.stop();
  }

  sample(pooled: PooledMachine, reports: readonly WorkerReport[]): LoadSample {
    const { machine } = pooled;
    const nowNs = Math.max(0, ...reports.map((report) => report.nowNs));
    const apids = machine.config.machine.adapters.keys();
    const vcpus = reports.flatMap((report) => report.vcpus);
    return takeSample(machine.image, apids, vcpus, nowNs);
  }
}

/** The options of the pool. */
export type PoolSize = Pick<PooledOptions, 'seed' | 'workers' | 'onTrace' | 'onEvent'>;

/** Starts a machine on workers, stops it after `durationNs` or when the user says so, and hands over what is left of it. */
async function withPool<T>(
  config: MachineConfig,
  options: PoolSize & Pick<PooledOptions, 'durationNs' | 'hotPlugNs'>,
  watch: Watch,
  io: CommandIo,
  end: (
    pooled: PooledMachine,
    reports: readonly WorkerReport[],
    seconds: number,
    hotPlug?: HotPlugResult,
  ) => T,
): Promise<T> {
  const { seed, workers, durationNs, onTrace, onEvent } = options;
  const pooled = await PooledMachine.start(config, {
    ...(workers === undefined ? {} : { workers }),
    ...(seed === undefined ? {} : { seed }),
    ...(onTrace === undefined ? {} : { onTrace }),
    ...(onEvent === undefined ? {} : { onEvent }),
    onProgress: (report) => watch.take(report),
  });
  watch.pooled = pooled;
  const stop = (): void => pooled.stop();
  io.signal.addEventListener('abort', stop, { once: true });
  // Threads of a busy computer take a second to start: the time of the run begins with them.
  await pooled.begun(() => io.signal.aborted);
  const started = performance.now();
  const timed = durationNs !== undefined && options.hotPlugNs === undefined;
  const unset = timed ? wallTimer(durationNs / NS_PER_MS, stop) : undefined;
  try {
    const plugged = await changeMasks(pooled, options, io);
    const reports = await pooled.finished();
    const seconds = (performance.now() - started) / 1000;
    if (plugged === undefined) return end(pooled, reports, seconds);
    const accounts = accountFor(pooled, reports);
    const violations = [...plugged.violations, ...accounts.violations];
    return end(pooled, reports, seconds, { ...plugged, ...accounts, violations });
  } finally {
    unset?.();
    io.signal.removeEventListener('abort', stop);
    await pooled.close();
  }
}

/** Hot plug and unplug for the duration of the run; every adapter is back at its end. */
async function changeMasks(
  pooled: PooledMachine,
  { durationNs = HOT_PLUG_DURATION_NS, hotPlugNs }: Pick<PooledOptions, 'durationNs' | 'hotPlugNs'>,
  io: CommandIo,
): Promise<HotPlugOutcome | undefined> {
  if (hotPlugNs === undefined) return undefined;
  const plugged = await hotPlug(pooled, {
    durationMs: durationNs / NS_PER_MS,
    intervalMs: hotPlugNs / NS_PER_MS,
    ended: () => io.signal.aborted || pooled.tasksEnded >= pooled.workers,
  });
  pooled.stop();
  return plugged;
}

/** Runs a load on workers until it has ended, its duration has passed, or the user stops it. */
export function runPooled(
  config: MachineConfig,
  options: PooledOptions,
  io: CommandIo,
): Promise<RunResult> {
  const progress = new Progress(io, options.silent);
  const watch = new Watch(options.intervalNs, progress);
  return withPool(config, options, watch, io, (pooled, reports, seconds, plugged) => {
    progress.end();
    const result = resultOf(pooled, reports, watch, seconds);
    return plugged === undefined ? result : { ...result, hotPlug: plugged };
  });
}

/** Time a load runs before it is measured: threads start, queues are reset, code gets warm. */
const WARM_UP_NS = 500_000_000;
/** Distance of the samples among which the start of the window is. */
const MEASURE_INTERVAL_NS = 100_000_000;

/** Measures a load on workers for `windowNs`. */
export function measurePooled(
  config: MachineConfig,
  windowNs: number,
  options: PoolSize,
  io: CommandIo,
): Promise<LoadFigures | undefined> {
  const watch = new Watch(MEASURE_INTERVAL_NS, new Progress(io, true));
  const durationNs = windowNs + WARM_UP_NS;
  return withPool(config, { ...options, durationNs }, watch, io, (pooled, reports) => {
    if (io.signal.aborted) return undefined;
    const last = watch.sample(pooled, reports);
    const from = watch.series.firstFrom(last.timeNs - windowNs);
    return from === undefined || from.timeNs >= last.timeNs
      ? figuresUntil(last)
      : figuresBetween(from, last);
  });
}

function resultOf(
  pooled: PooledMachine,
  reports: readonly WorkerReport[],
  watch: Watch,
  seconds: number,
): RunResult {
  const last = watch.sample(pooled, reports);
  const { workers } = pooled;
  const sum = (of: (report: WorkerReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  return {
    guests: reports.flatMap((report) =>
      report.vcpus.map((vcpu) => ({
        ...summarise(vcpu, pooled.machine.config),
        load: guestLoad(last, vcpu),
        dead: deadQueues(vcpu),
      })),
    ),
    total: figuresUntil(last),
    latency: distribution(countsUntil(last)),
    series: watch.series.points(),
    seconds,
    how: `${workers} worker${workers === 1 ? '' : 's'}`,
    crashes: pooled.crashes,
    keyCache: {
      hits: sum((report) => report.keyCache.hits),
      misses: sum((report) => report.keyCache.misses),
    },
  };
}

/** Progress on standard error: one line that is rewritten on a terminal, elsewhere a line now and then. */
class Progress {
  readonly #io: CommandIo;
  readonly #silent: boolean;
  readonly #started = performance.now();
  #shownMs = 0;

  constructor(io: CommandIo, silent: boolean) {
    this.#io = io;
    this.#silent = silent;
  }

  take(reports: ReadonlyMap<number, WorkerReport>): void {
    const now = performance.now();
    if (this.#silent || now - this.#shownMs < SHOWN_EVERY_MS) return;
    this.#shownMs = now;
    const vcpus = [...reports.values()].flatMap((report) => report.vcpus);
    const parts = vcpus.map((vcpu) => `${vcpu.guestName} ${answeredOf(vcpu)}`);
    const line = `${((now - this.#started) / 1000).toFixed(1)} s  messages: ${parts.join('  ')}`;
    const text = line.slice(0, Math.max(20, this.#io.columns - 1));
    this.#io.err(this.#io.isTerminal ? `\r\u001b[K${text}` : `${text}\n`);
  }

  end(): void {
    if (!this.#silent && this.#io.isTerminal && this.#shownMs > 0) this.#io.err('\r\u001b[K');
  }
}
