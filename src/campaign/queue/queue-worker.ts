// SPDX-License-Identifier: Apache-2.0
// A worker of a campaign on any machine: takes jobs from the queue, does them on targets of its own, and answers. The job of a worker
// that dies is given to another one.
// Source: docs/campaigns.md; BullMQ's documentation (stalled jobs).
import type { Job as QueueJob, Worker } from 'bullmq';
import type { Job, JobResult } from '../../fuzz/job.ts';
import { packAnswer } from './answers.ts';
import { BlobStore } from './blob-store.ts';
import { type QueueConnection, watchConnection } from './connection.ts';
import { CAMPAIGN_KEY, campaignPrefix, overKey, PREFIX } from './keys.ts';
import { beat, leave } from './machines.ts';
import { JOB_DATA, type JobData, type JobValue } from './messages.ts';
import { readRequest } from './requests.ts';
import { checked } from './wire.ts';
import { workerName } from './worker-name.ts';

/** Milliseconds after which a job whose worker has not reported is given to another one, at the next look. */
const LOCK_MS = 5_000;
const STALLED_MS = 2_000;
/** Number of workers that may die with a job before it is reported as failed. */
const STALLED_MAX = 20;
const BEAT_MS = 2_000;
const FETCH_RETRY_MS = 500;

export interface QueueWorkerOptions {
  readonly connection: QueueConnection;
  /** Name of the campaign. */
  readonly campaign: string;
  /** Does a job. It is called for as many jobs at the same time as there are threads, and for one more, which waits. */
  readonly run: (job: Job) => Promise<JobResult>;
  readonly threads: number;
  /** Number of jobs that are taken in advance, so that no thread waits for Redis. */
  readonly ahead: number;
  readonly say: (line: string) => void;
}

const STOPPED = Symbol('stopped');

export class QueueWorker {
  readonly name = workerName();
  jobs = 0;
  cases = 0;
  readonly #options: QueueWorkerOptions;
  readonly #store: BlobStore;
  readonly #worker: Worker<JobData, JobValue>;
  /** Resolves when this worker is to go. */
  readonly #stopped: Promise<typeof STOPPED>;
  #stop: () => void = () => {};
  readonly #beats: NodeJS.Timeout;
  readonly #unwatch: () => void;

  constructor(options: QueueWorkerOptions) {
    const { connection, campaign, threads, ahead, say } = options;
    this.#options = options;
    this.#stopped = new Promise((resolve) => {
      this.#stop = () => resolve(STOPPED);
    });
    this.#store = new BlobStore(connection.client, campaignPrefix(campaign));
    this.#worker = new connection.packages.bullmq.Worker<JobData, JobValue>(
      campaign,
      (job, token) => this.#process(job, token),
      {
        connection: connection.client,
        prefix: PREFIX,
        skipVersionCheck: true,
        name: this.name,
        concurrency: threads + ahead,
        lockDuration: LOCK_MS,
        stalledInterval: STALLED_MS,
        maxStalledCount: STALLED_MAX,
        runRetryDelay: FETCH_RETRY_MS,
      },
    );
    // This ignores jobs that ended elsewhere meanwhile, which BullMQ handles, and a Redis that is away, which the connection reports.
    this.#worker.on('error', () => {});
    this.#unwatch = watchConnection(connection, say);
    this.#beat();
    this.#beats = setInterval(() => this.#beat(), BEAT_MS);
  }

  /** Whether the campaign has come to its end, or another one has taken the queue. */
  async dismissed(): Promise<boolean> {
    const { connection, campaign } = this.#options;
    const { client } = connection;
    const [over, current] = await Promise.all([
      client.exists(overKey(campaign)),
      client.get(CAMPAIGN_KEY),
    ]);
    return over === 1 || (current !== null && current !== campaign);
  }

  /** Gives back the jobs it is doing, and goes. */
  async close(): Promise<void> {
    const { connection, campaign } = this.#options;
    clearInterval(this.#beats);
    this.#unwatch();
    this.#stop();
    await Promise.allSettled([
      leave(connection.client, campaign, this.name),
      this.#worker.close(true),
    ]);
  }

  #beat(): void {
    const { connection, campaign, threads } = this.#options;
    beat(connection.client, campaign, this.name, threads).catch(() => {});
  }

  async #process(job: QueueJob<JobData, JobValue>, token: string | undefined): Promise<JobValue> {
    const { request } = checked(job.data, JOB_DATA);
    const asked = await readRequest(request, this.#store);
    const answer = await this.#unlessStopped(job, token, this.#options.run(asked));
    const blob = packAnswer(answer, request);
    await this.#store.put([blob]);
    this.jobs++;
    if (answer.kind === 'batch') this.cases += answer.cases;
    return { answer: blob.hash, worker: this.name };
  }

  /** A worker that goes gives its jobs back. */
  async #unlessStopped<T>(
    job: QueueJob<JobData, JobValue>,
    token: string | undefined,
    result: Promise<T>,
  ): Promise<T> {
    const first = await Promise.race([result, this.#stopped]);
    if (first !== STOPPED) return first;
    result.catch(() => {});
    await job.moveToWait(token);
    throw new this.#options.connection.packages.bullmq.WaitingError();
  }
}
