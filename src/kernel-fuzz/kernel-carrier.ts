// SPDX-License-Identifier: Apache-2.0
// A carrier of guests under QEMU. Each takes the next job when it has finished one.
// Source: docs/design.md section 10.
import { ApemuError } from '../errors.ts';
import { factsOf } from '../fuzz/build-target.ts';
import type { Carrier, Job, JobResult, TargetFacts } from '../fuzz/job.ts';
import { JobRunner } from '../fuzz/run-job.ts';
import type { OracleName } from '../oracle/oracles.ts';
import { KernelTarget, type KernelTargetOptions } from './kernel-target.ts';

export interface KernelCarrierOptions extends KernelTargetOptions {
  /** Number of guests. */
  readonly workers: number;
  readonly without: ReadonlySet<OracleName>;
}

export class KernelCarrier implements Carrier {
  readonly facts: TargetFacts;
  readonly targets: readonly KernelTarget[];
  readonly #runners: readonly JobRunner[];
  readonly #signal: AbortSignal | undefined;

  private constructor(targets: readonly KernelTarget[], options: KernelCarrierOptions) {
    this.targets = targets;
    this.facts = factsOf(targets[0] as KernelTarget);
    this.#runners = targets.map((target) => new JobRunner(target, options.without));
    this.#signal = options.signal;
  }

  /** @throws ApemuError as `KernelTarget.create` */
  static async create(options: KernelCarrierOptions): Promise<KernelCarrier> {
    const booted = await Promise.allSettled(
      Array.from({ length: options.workers }, () => KernelTarget.create(options)),
    );
    const targets = booted.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const failed = booted.find((one) => one.status === 'rejected');
    if (failed === undefined) return new KernelCarrier(targets, options);
    await Promise.all(targets.map((target) => target.close()));
    throw failed.reason;
  }

  /**
   * Does the jobs.
   *
   * @throws ApemuError APEMU_ERR_FUZZ_INTERRUPTED if it is interrupted; the guests have ended then
   */
  async run(jobs: readonly Job[]): Promise<readonly JobResult[]> {
    const results: JobResult[] = [];
    let next = 0;
    const work = async (runner: JobRunner): Promise<void> => {
      for (let n = next++; n < jobs.length; n = next++)
        results[n] = await runner.run(jobs[n] as Job);
    };
    const done = Promise.all(this.#runners.map(work));
    await (this.#signal === undefined ? done : Promise.race([done, aborted(this.#signal, done)]));
    return results;
  }

  async close(): Promise<void> {
    await Promise.all(this.targets.map((target) => target.close()));
  }
}

/** Rejects if it is interrupted before `done`. */
const aborted = (signal: AbortSignal, done: Promise<unknown>): Promise<never> =>
  new Promise((_resolve, reject) => {
    const stop = (): void =>
      reject(new ApemuError('APEMU_ERR_FUZZ_INTERRUPTED', 'the campaign was interrupted'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    done.catch(() => {}).finally(() => signal.removeEventListener('abort', stop));
  });
