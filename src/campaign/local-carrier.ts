// SPDX-License-Identifier: Apache-2.0
// A carrier that does the jobs itself, in this thread.
import { buildTarget, factsOf } from '../fuzz/build-target.ts';
import type { Carrier, Job, JobResult, TargetFacts, TargetSpec } from '../fuzz/job.ts';
import { JobRunner } from '../fuzz/run-job.ts';
import type { Target } from '../target/target.ts';

export class LocalCarrier implements Carrier {
  readonly facts: TargetFacts;
  readonly #target: Target;
  readonly #runner: JobRunner;

  private constructor(target: Target, spec: TargetSpec) {
    this.facts = factsOf(target);
    this.#target = target;
    this.#runner = new JobRunner(target, new Set(spec.without));
  }

  static async create(spec: TargetSpec): Promise<LocalCarrier> {
    return new LocalCarrier(await buildTarget(spec), spec);
  }

  async run(jobs: readonly Job[]): Promise<readonly JobResult[]> {
    const results: JobResult[] = [];
    for (const job of jobs) results.push(await this.#runner.run(job));
    return results;
  }

  async close(): Promise<void> {
    await this.#target.close();
  }
}
