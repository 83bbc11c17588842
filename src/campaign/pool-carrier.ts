// SPDX-License-Identifier: Apache-2.0
// A carrier of worker threads. A case that never ends, because the driver loops without an instruction, makes its thread end, and is
// reported.
// Source: docs/design.md section 10.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Piscina } from 'piscina';
import { buildTarget, factsOf } from '../fuzz/build-target.ts';
import type {
  BatchJob,
  BatchResult,
  Carrier,
  Job,
  JobResult,
  TargetFacts,
  TargetSpec,
} from '../fuzz/job.ts';
import { eventsOfCase } from '../fuzz/run-job.ts';
import type { Violation } from '../oracle/oracles.ts';
import { scenarioLines } from '../scenario/text.ts';
import { withoutRejections } from './rejections.ts';
import type { Task } from './worker.ts';

/** Milliseconds of processor time that a case may take: a thousand times what one takes. On a busy computer that is much more real time. */
const HANG_MS = 20_000;
/** Milliseconds of real time that a case may take which uses no processor at all. */
const STILL_MS = 300_000;
const LOOK_MS = 1_000;

const NEVER_RETURNS: Violation = {
  oracle: 'progress',
  way: 'never returns',
  did: `a step of it did not return within ${HANG_MS / 1000} s of processor time`,
  expected: 'a step executes a bounded number of instructions and returns',
};

const workerFile = (): string => createRequire(import.meta.url).resolve('#fuzz-worker');

export class PoolCarrier implements Carrier {
  readonly facts: TargetFacts;
  readonly #pool: Piscina;
  readonly #threads: number;

  private constructor(facts: TargetFacts, spec: TargetSpec, threads: number) {
    this.facts = facts;
    this.#threads = threads;
    this.#pool = new Piscina({
      filename: workerFile(),
      workerData: spec,
      minThreads: threads,
      maxThreads: threads,
      idleTimeout: Number.POSITIVE_INFINITY,
      // This limits what a driver under test can allocate.
      resourceLimits: { maxOldGenerationSizeMb: 2048 },
    });
  }

  /** Whether the worker has been built. */
  static available(): boolean {
    try {
      return existsSync(workerFile());
    } catch {
      return false;
    }
  }

  /**
   * Makes a carrier.
   *
   * @throws ApemuError for a specification from which no target can be made
   */
  static async create(spec: TargetSpec, threads: number): Promise<PoolCarrier> {
    const target = await withoutRejections(spec.bundle.name, () => buildTarget(spec));
    const facts = factsOf(target);
    await target.close();
    return new PoolCarrier(facts, spec, threads);
  }

  async run(jobs: readonly Job[]): Promise<readonly JobResult[]> {
    return await Promise.all(jobs.map((job) => this.#run(job)));
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #run(job: Job): Promise<JobResult> {
    if (job.kind === 'minimise' && job.violation.way === NEVER_RETURNS.way)
      return { ...job, stable: true, confirmed: true, trace: [], runs: 0 };
    const watch = new Int32Array(new SharedArrayBuffer(4));
    const stop = new AbortController();
    const watching = this.#watch(watch, stop);
    try {
      const task: Task = { job, watch };
      return (await this.#pool.run(task, { signal: stop.signal })) as JobResult;
    } catch (error) {
      if (!stop.signal.aborted || job.kind !== 'batch') throw error;
      return await this.#without(job, Atomics.load(watch, 0) - 1);
    } finally {
      clearInterval(watching);
    }
  }

  /** Ends a thread whose case does not end. */
  #watch(watch: Int32Array, stop: AbortController): NodeJS.Timeout {
    let index = 0;
    let since = performance.now();
    let processor = this.#processorMs();
    return setInterval(() => {
      const now = Atomics.load(watch, 0);
      if (now === 0 || now !== index) {
        index = now;
        since = performance.now();
        processor = this.#processorMs();
        return;
      }
      const busy = this.#processorMs() - processor > HANG_MS;
      if (busy || performance.now() - since > STILL_MS) stop.abort();
    }, LOOK_MS);
  }

  /** Milliseconds of processor time for one thread, if all of them are at work: the process's time divided by their number. */
  #processorMs(): number {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000 / this.#threads;
  }

  /** Does the job without the case that never ends, and reports that as broken. */
  async #without(job: BatchJob, index: number): Promise<BatchResult> {
    const rest = (await this.#run({ ...job, skip: [...job.skip, index] })) as BatchResult;
    const one = job.cases[index] as BatchJob['cases'][number];
    const events = eventsOfCase(one, this.facts.space, job.wanted);
    const lines = scenarioLines(events);
    const broken = { lines, violation: NEVER_RETURNS, count: 1 };
    return { ...rest, cases: rest.cases + 1, broken: [broken, ...rest.broken] };
  }
}
