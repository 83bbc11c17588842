// SPDX-License-Identifier: Apache-2.0
// A carrier of workers on other machines, connected by BullMQ: the coordinator of a campaign.
// Source: docs/campaigns.md.
import { setTimeout as wait } from 'node:timers/promises';
import { ApemuError } from '../../errors.ts';
import {
  asItIs,
  type Carrier,
  type Job,
  type JobResult,
  type MachineFigures,
  type MinimiseResult,
  type TargetFacts,
} from '../../fuzz/job.ts';
import { keyOf } from '../../fuzz/run-job.ts';
import { AskedJobs, type FromWorker } from './asked-jobs.ts';
import { BlobStore } from './blob-store.ts';
import { type QueueConnection, watchConnection } from './connection.ts';
import { CAMPAIGN_KEY, campaignPrefix, overKey, PREFIX } from './keys.ts';
import { CoordinatorLock } from './lock.ts';
import { MachineCounts, present } from './machines.ts';
import type { JobData, JobValue, Manifest } from './messages.ts';
import { type Blob, pack } from './wire.ts';
import { computerName, computerOf } from './worker-name.ts';

/** Milliseconds between two looks at jobs whose end nobody has reported. */
const JOBS_LOOK_MS = 2_000;
/** Milliseconds in which what is left in Redis has to be removed at the end; else it stays. */
const CLEAN_MS = 700;
/** Milliseconds for which workers can still see that a campaign is over. */
const OVER_MS = 60_000;
/** Number of events that BullMQ keeps. Of events that were missed, the jobs are looked at. */
const EVENTS = 1_000;
const KEYS_AT_ONCE = 1_000;

export interface QueueCarrierOptions {
  readonly connection: QueueConnection;
  readonly manifest: Manifest;
  /** Has the target on this machine, to see findings again in it. It is closed with this carrier. */
  readonly witness: Carrier;
  /** How often a finding's scenario is tried, since the processes of a kernel do not run in the same order each time. */
  readonly tries: number;
  /** Configuration and driver, for workers that trust the campaign. */
  readonly code?: Blob | undefined;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export class QueueCarrier implements Carrier {
  readonly facts: TargetFacts;
  readonly #options: QueueCarrierOptions;
  readonly #id: string;
  readonly #manifest: Blob;
  readonly #lock: CoordinatorLock;
  readonly #store: BlobStore;
  readonly #counts = new MachineCounts();
  readonly #queue;
  readonly #events;
  readonly #jobs: AskedJobs;
  #looks: NodeJS.Timeout | undefined;
  #unwatch: () => void = () => {};
  #ended = false;

  private constructor(options: QueueCarrierOptions, lock: CoordinatorLock) {
    const { connection, manifest, witness, say } = options;
    const { client, packages } = connection;
    this.facts = witness.facts;
    this.#options = options;
    this.#manifest = pack(manifest);
    this.#id = campaignId(this.#manifest);
    this.#lock = lock;
    this.#store = new BlobStore(client, campaignPrefix(this.#id));
    const shared = { connection: client, prefix: PREFIX, skipVersionCheck: true };
    this.#queue = new packages.bullmq.Queue<JobData, JobValue>(this.#id, {
      ...shared,
      streams: { events: { maxLen: EVENTS } },
    });
    this.#jobs = new AskedJobs({
      queue: this.#queue,
      store: this.#store,
      facts: this.facts,
      counted: (worker, answer) =>
        this.#counts.answered(worker, answer.kind === 'batch' ? answer.cases : 0),
      refusal: (cause) => refusal(cause, connection.name),
      say,
    });
    this.#events = new packages.bullmq.QueueEvents(this.#id, shared);
  }

  /**
   * Becomes the coordinator: begins the campaign, or continues it with what is in Redis.
   *
   * @throws ApemuError `APEMU_ERR_QUEUE_COORDINATOR` if there is another one
   */
  static async open(options: QueueCarrierOptions): Promise<QueueCarrier> {
    const { connection, signal } = options;
    const lock = await CoordinatorLock.take(connection.client, signal);
    const carrier = new QueueCarrier(options, lock);
    try {
      await carrier.#begin();
      return carrier;
    } catch (error) {
      await carrier.close();
      throw error;
    }
  }

  async run(jobs: readonly Job[]): Promise<readonly JobResult[]> {
    const answers = await Promise.all(jobs.map((job) => this.#jobs.ask(job)));
    const results: JobResult[] = [];
    // They are done one after the other, since the witness may have one target only.
    for (const one of answers) results.push(await this.#confirmed(one));
    return results;
  }

  saved(): void {
    // What stays because Redis is away is removed with the campaign.
    this.#jobs.forget().catch(() => {});
  }

  ended(): void {
    this.#ended = true;
  }

  machines(): readonly MachineFigures[] {
    return this.#counts.figures();
  }

  async close(): Promise<void> {
    clearInterval(this.#looks);
    this.#lock.drop();
    this.#unwatch();
    const { client } = this.#options.connection;
    const clean = this.#clean().catch(() => {});
    await Promise.race([Promise.all([clean, this.#options.witness.close()]), wait(CLEAN_MS)]);
    this.#events.close().catch(() => {});
    this.#queue.close().catch(() => {});
    client.disconnect();
  }

  async #begin(): Promise<void> {
    const { connection, signal, say } = this.#options;
    const { client } = connection;
    await this.#takePlaces();
    // Workers look for an end as soon as they see the campaign.
    await client.del(overKey(this.#id));
    await this.#publish();
    this.#jobs.resumes = (await this.#queue.getCompletedCount()) > 0;
    this.#events.on('completed', ({ jobId }) => this.#jobs.look(jobId));
    this.#events.on('failed', ({ jobId }) => this.#jobs.look(jobId));
    // The connection reports what BullMQ meets while Redis is away.
    this.#events.on('error', () => {});
    this.#queue.on('error', () => {});
    this.#unwatch = watchConnection(connection, say, () => this.#jobs.again());
    this.#looks = setInterval(() => this.#lookAround(), JOBS_LOOK_MS);
    this.#lock.keep(
      (error) => this.#jobs.fail(error),
      () => this.#publish(),
    );
    const stop = (): void =>
      this.#jobs.fail(new ApemuError('APEMU_ERR_FUZZ_INTERRUPTED', 'the campaign was interrupted'));
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  }

  /** Ends another campaign whose coordinator is gone. */
  async #takePlaces(): Promise<void> {
    const { connection, say } = this.#options;
    const earlier = await connection.client.get(CAMPAIGN_KEY);
    if (earlier === null || earlier === this.#id || !/^[0-9a-f]{16}$/.test(earlier)) return;
    say(`campaign ${earlier} of this queue has no coordinator any more: its jobs are taken away`);
    await this.#removeKeys(earlier);
  }

  /** Writes what the campaign is. This is done again if Redis has lost it. */
  async #publish(): Promise<void> {
    const { connection, code } = this.#options;
    const { client } = connection;
    const key = `${campaignPrefix(this.#id)}:manifest`;
    if ((await client.get(CAMPAIGN_KEY)) === this.#id && (await client.exists(key)) === 1) return;
    await this.#store.put(code === undefined ? [this.#manifest] : [this.#manifest, code]);
    await client.set(key, this.#manifest.hash);
    await client.set(CAMPAIGN_KEY, this.#id);
  }

  /** An answer in which findings were seen again on this machine. */
  async #confirmed({ answer, worker }: FromWorker): Promise<JobResult> {
    if (answer.kind === 'batch' || !answer.confirmed) return answer;
    const confirmed = await Promise.race([this.#seenAgain(answer), this.#jobs.failed]);
    const here = computerName();
    const near = computerOf(worker) === here ? 'on the same computer' : `on ${here}`;
    return {
      ...answer,
      confirmed,
      by: `found by ${worker}, seen again by the coordinator ${near}`,
    };
  }

  /** Whether a finding's scenario breaks the same rule in the coordinator's own target, since no worker is believed. */
  async #seenAgain({ lines, violation }: MinimiseResult): Promise<boolean> {
    const { witness, tries } = this.#options;
    const cases = Array.from({ length: tries }, () => asItIs(lines));
    const once: Job = { kind: 'batch', cases, known: new Uint32Array(0), wanted: [], skip: [] };
    // What shows only in repetitions is repeated by a job that makes it short.
    const job: Job = violation.repeated === true ? { kind: 'minimise', lines, violation } : once;
    const [again] = await witness.run([job]);
    if (again?.kind === 'minimise') return again.confirmed;
    const key = keyOf(violation);
    return again?.broken.some((one) => keyOf(one.violation) === key) ?? false;
  }

  #lookAround(): void {
    this.#jobs.lookAround();
    const { client, name } = this.#options.connection;
    // Workers notice when Redis is full, because it refuses their answers. This is how the coordinator learns of it.
    client
      .set(`${campaignPrefix(this.#id)}:looked`, '1')
      .catch((cause) => this.#jobs.fail(refusal(cause, name)));
    present(client, this.#id).then(
      (workers) => this.#counts.seen(workers),
      () => {},
    );
  }

  async #clean(): Promise<void> {
    const { client } = this.#options.connection;
    const isOurs = (await client.get(CAMPAIGN_KEY)) === this.#id && (await this.#lock.held());
    if (!isOurs) return;
    if (this.#ended) await client.set(overKey(this.#id), '1', 'PX', OVER_MS);
    await client.del(CAMPAIGN_KEY);
    await this.#removeKeys(this.#id);
    await this.#lock.release();
  }

  async #removeKeys(id: string): Promise<void> {
    const { client } = this.#options.connection;
    const stream = client.scanStream({ match: `${campaignPrefix(id)}:*`, count: KEYS_AT_ONCE });
    for await (const keys of stream) if (keys.length > 0) await client.unlink(keys as string[]);
  }
}

/** Name of a campaign, made from what it is about. */
const campaignId = ({ hash }: Blob): string => hash.slice(0, 16);

/** What Redis says about a command that it does not execute. */
const refusal = (cause: unknown, name: string): unknown => {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof ApemuError) return cause;
  return new ApemuError(
    'APEMU_ERR_QUEUE_REFUSED',
    `the Redis at ${name} refuses a command: ${message}`,
    { cause },
  );
};
