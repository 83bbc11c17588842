// SPDX-License-Identifier: Apache-2.0
// A thread that does jobs on a target of its own, which it makes at the first job.
import { workerData } from 'node:worker_threads';
import { buildTarget } from '../fuzz/build-target.ts';
import type { Job, JobResult, TargetSpec } from '../fuzz/job.ts';
import { JobRunner } from '../fuzz/run-job.ts';
import { Rejections } from './rejections.ts';

/** What a task contains: the job, and the place where the thread notes which case it is doing. */
export interface Task {
  readonly job: Job;
  readonly watch: Int32Array;
}

const spec = workerData as TargetSpec;
let watch: Int32Array | undefined;

const made = buildTarget(spec).then((target) => {
  const begins = (index: number): void => {
    if (watch !== undefined) Atomics.store(watch, 0, index + 1);
  };
  const rejected = new Rejections().first;
  return new JobRunner(target, new Set(spec.without), { begins, rejected });
});
// A failure is reported to whoever asks for the first job.
made.catch(() => {});

export default async (task: Task): Promise<JobResult> => {
  const runner = await made;
  watch = task.watch;
  return await runner.run(task.job);
};
