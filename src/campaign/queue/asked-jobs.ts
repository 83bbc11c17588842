// SPDX-License-Identifier: Apache-2.0
// Jobs that a coordinator has asked for and that are not answered yet. A job's name is made from its content: if it is asked for again,
// by this coordinator or the next, it is the same job, and its answer counts once. Jobs that Redis loses are asked for again.
// Source: docs/campaigns.md.
import type { Queue, Job as QueueJob } from 'bullmq';
import { ApemuError } from '../../errors.ts';
import type { Job, JobResult, TargetFacts } from '../../fuzz/job.ts';
import { readAnswer } from './answers.ts';
import type { BlobStore } from './blob-store.ts';
import { JOB_VALUE, type JobData, type JobValue } from './messages.ts';
import { type PackedRequest, RequestPacker } from './requests.ts';
import { checked } from './wire.ts';

/** How often a job may fail, or be answered with nonsense, before the campaign ends. */
const JOB_TRIES = 5;

/** A job that was asked for and is not answered. */
interface Open {
  readonly job: Job;
  readonly packed: PackedRequest;
  readonly answered: (answer: JobResult, worker: string) => void;
  readonly failed: (error: unknown) => void;
  tries: number;
  /** Whether its end is being looked at; and whether its end was reported meanwhile. */
  looking: boolean;
  told: boolean;
}

export interface FromWorker {
  readonly answer: JobResult;
  readonly worker: string;
}

export interface AskedJobsOptions {
  readonly queue: Queue<JobData, JobValue>;
  readonly store: BlobStore;
  readonly facts: TargetFacts;
  /** Called when an answer has counted. */
  readonly counted: (worker: string, answer: JobResult) => void;
  /** Describes in words what Redis refuses. */
  readonly refusal: (cause: unknown) => unknown;
  readonly say: (line: string) => void;
}

export class AskedJobs {
  /** Whether there may be answers to an earlier coordinator. */
  resumes = false;
  readonly #options: AskedJobsOptions;
  readonly #packer = new RequestPacker();
  readonly #open = new Map<string, Open>();
  readonly #asked = new Map<string, Promise<FromWorker>>();
  /** Names of the contents that Redis has. */
  readonly #shared = new Set<string>();
  /** Names of the messages of jobs that are done, until this is saved. */
  readonly #done: { job: string; messages: string[] }[] = [];
  #waiting: [id: string, open: Open][] = [];
  #failure: unknown;
  /** Rejects with the error that `fail` is called with. */
  readonly failed: Promise<never>;
  #reject: (error: unknown) => void = () => {};

  constructor(options: AskedJobsOptions) {
    this.#options = options;
    this.failed = new Promise((_resolve, reject) => {
      this.#reject = reject;
    });
    // Those who wait for something hear of the error there.
    this.failed.catch(() => {});
  }

  /**
   * Has a job done.
   *
   * @throws the error that `fail` was called with
   */
  ask(job: Job): Promise<FromWorker> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const packed = this.#packer.pack(job);
    const id = packed.request.hash;
    const asked = this.#asked.get(id);
    if (asked !== undefined) return asked;
    const answer = new Promise<FromWorker>((resolve, reject) => {
      const open: Open = {
        job,
        packed,
        answered: (one, worker) => resolve({ answer: one, worker }),
        failed: reject,
        tries: 0,
        looking: false,
        told: false,
      };
      this.#open.set(id, open);
      this.#add(id, open);
    }).finally(() => this.#asked.delete(id));
    this.#asked.set(id, answer);
    return answer;
  }

  /** Adds a job. Jobs that are added at the same moment are sent together. */
  #add(id: string, open: Open): void {
    this.#waiting.push([id, open]);
    if (this.#waiting.length === 1) queueMicrotask(() => void this.#addWaiting());
  }

  async #addWaiting(): Promise<void> {
    const added = this.#waiting;
    this.#waiting = [];
    try {
      const shared = new Map(
        added.flatMap(([, { packed }]) => packed.shared).map((blob) => [blob.hash, blob]),
      );
      const unknown = [...shared.values()].filter(({ hash }) => !this.#shared.has(hash));
      await this.#options.store.put([...unknown, ...added.map(([, { packed }]) => packed.request)]);
      for (const { hash } of unknown) this.#shared.add(hash);
      await this.#options.queue.addBulk(
        added.map(([id]) => ({ name: 'job', data: { request: id }, opts: { jobId: id } })),
      );
      // A job that an earlier coordinator has asked for may be done already. Nobody reports that again.
      if (this.resumes) for (const [id] of added) this.look(id);
    } catch (cause) {
      this.fail(this.#options.refusal(cause));
    }
  }

  /** Called when Redis is back. It may have lost the last second. */
  again(): void {
    this.#shared.clear();
    this.lookAround();
  }

  /** Looks at all jobs, since it may be that nobody has reported their end. */
  lookAround(): void {
    for (const id of this.#open.keys()) this.look(id);
  }

  /** Removes the messages of jobs whose answers are saved, so that they will not be asked for again. */
  async forget(): Promise<void> {
    const done = this.#done.splice(0);
    for (const { job } of done) await this.#options.queue.remove(job);
    await this.#options.store.remove(done.flatMap(({ messages }) => messages));
  }

  /** Looks whether a job has ended. */
  look(id: string): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    open.told = open.looking;
    if (open.looking) return;
    open.looking = true;
    this.#settle(id, open)
      .catch((cause) => this.fail(this.#options.refusal(cause)))
      .finally(() => {
        open.looking = false;
        if (open.told) this.look(id);
      });
  }

  async #settle(id: string, open: Open): Promise<void> {
    const job = await this.#options.queue.getJob(id);
    if (job === undefined) this.#add(id, open);
    else if (job.finishedOn === undefined) return;
    else if (job.failedReason) await this.#askAgain(id, open, job, job.failedReason);
    else await this.#take(id, open, job);
  }

  /** Takes an answer, once. */
  async #take(id: string, open: Open, job: QueueJob<JobData, JobValue>): Promise<void> {
    let value: JobValue;
    let answer: JobResult;
    try {
      value = checked(job.returnvalue, JOB_VALUE);
      const { store, facts } = this.#options;
      answer = await readAnswer(value.answer, { job: open.job, to: id }, store, facts);
    } catch (error) {
      if (!(error instanceof ApemuError)) throw error;
      return await this.#askAgain(id, open, job, error.message);
    }
    if (!this.#open.delete(id)) return;
    this.#done.push({ job: id, messages: [id, value.answer] });
    this.#options.counted(value.worker, answer);
    open.answered(answer, value.worker);
  }

  /** Asks again for a job that has failed, was answered with nonsense, or whose messages Redis has lost. */
  async #askAgain(id: string, open: Open, job: QueueJob, why: string): Promise<void> {
    if (++open.tries >= JOB_TRIES)
      throw new ApemuError(
        'APEMU_ERR_QUEUE_JOB',
        `a job has failed ${JOB_TRIES} times, the last time because of: ${why}`,
      );
    this.#options.say(`a job is done again: ${why}`);
    await job.remove();
    for (const { hash } of open.packed.shared) this.#shared.delete(hash);
    this.#add(id, open);
  }

  /** Ends everything, since the campaign cannot go on. What was saved stays. */
  fail(error: unknown): void {
    this.#failure ??= error;
    this.#reject(this.#failure);
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const { failed } of open) failed(this.#failure);
  }
}
