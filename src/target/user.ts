// SPDX-License-Identifier: Apache-2.0
// The user of a driver under test: makes requests with known answers, and keeps what becomes of each.
// Source: docs/design.md section 10.
import { sameBytes } from '../cex/messages/bytes.ts';
import { checkReply, createWorkload, type Job } from '../cex/messages/workloads.ts';
import type { AdapterMode, MachineConfig } from '../config/types.ts';
import type { DriverEnding, DriverRequest } from '../guest/driver.ts';
import { nextRandom, seedRandom } from '../lpar/random.ts';
import { REQUEST_KINDS, type RequestKind, type UserEvent } from '../program/events.ts';
import { hasSpoilt } from './behind-reply.ts';
import type { EndingFact, RequestFact } from './outcome.ts';

/** Number of jobs of each kind that are kept for a queue, and number of messages drawn to find them. */
const STOCK = 3;
const DRAWS = 60;
/** Length in bytes of a message to a loopback adapter, by kind. */
const OPAQUE_BYTES: Readonly<Record<RequestKind, number>> = {
  crt: 1024,
  mex: 264,
  rng: 64,
  query: 16,
};

const KIND_OF_JOB: Readonly<Record<Job['kind'], RequestKind>> = {
  'rsa-crt': 'crt',
  'rsa-mex': 'mex',
  rng: 'rng',
  fq: 'query',
  module: 'query',
  domain: 'rng',
};

/** What may be asked of one queue. `jobs` is empty for a loopback adapter. */
interface Stock {
  readonly apqn: number;
  readonly kinds: readonly RequestKind[];
  readonly jobs: Readonly<Partial<Record<RequestKind, readonly Job[]>>>;
}

/** A request that is on its way, and how its reply is judged. */
interface Sent {
  readonly fact: RequestFact;
  readonly job: Job | undefined;
  readonly message: Uint8Array;
}

const randomBytes = (seed: number, apqn: number): ((target: Uint8Array) => void) => {
  let state = seedRandom(seed, apqn);
  return (target) => {
    for (let i = 0; i < target.length; i++) {
      state = nextRandom(state);
      target[i] = state >>> 11;
    }
  };
};

const stockOf = (apqn: number, mode: AdapterMode, seed: number): Stock => {
  if (mode === 'loopback') return { apqn, kinds: REQUEST_KINDS, jobs: {} };
  const random = randomBytes(seed, apqn);
  const source = createWorkload('mixed', { mode, domain: apqn & 0xff, random });
  const jobs: Partial<Record<RequestKind, Job[]>> = {};
  for (let n = 0; n < DRAWS; n++) {
    const job = source.next();
    const kind = KIND_OF_JOB[job.kind];
    jobs[kind] ??= [];
    if (jobs[kind].length < STOCK) jobs[kind].push(job);
  }
  return { apqn, kinds: REQUEST_KINDS.filter((kind) => jobs[kind] !== undefined), jobs };
};

/** A good reply to each job, since comparing bytes takes less time than reading a reply. */
const goodReplies = new WeakMap<Job, Uint8Array>();

const READ_ON = 'its reply goes on with bytes that stand behind the end of the one DQAP has stored';

/** What is wrong with a reply; undefined: nothing. `blind`: its contents say nothing. */
const judge = ({ job, message }: Sent, reply: Uint8Array, blind: boolean): string | undefined => {
  const good = job === undefined ? message : goodReplies.get(job);
  if (good !== undefined && sameBytes(good, reply)) return undefined;
  if (hasSpoilt(reply)) return READ_ON;
  if (blind) return undefined;
  if (job === undefined) return 'the reply is not the message that was sent';
  const wrong = checkReply(job, reply);
  if (wrong === undefined) goodReplies.set(job, reply.slice());
  return wrong;
};

/** What the user asks of one driver, from the kept moment on. */
export class DriverUser {
  facts: RequestFact[] = [];
  /** Numbers of requests that the driver ended and nobody had given to it. */
  strangers: number[] = [];
  /** Whether replies were changed in ways that no driver can notice, so that results mean nothing. */
  blind = false;
  closed = false;
  readonly #stocks: readonly Stock[];
  #sent = new Map<number, Sent>();
  #open = 0;
  #next = 1;

  constructor(config: MachineConfig, queues: readonly number[], seed: number) {
    this.#stocks = queues.map((apqn) => {
      const adapter = config.machine.adapters.get(apqn >>> 8);
      return stockOf(apqn, adapter?.mode ?? 'loopback', seed);
    });
  }

  /** Number of requests that have not ended. */
  get open(): number {
    return this.#open;
  }

  /** Marks the requests that have not ended by now. */
  markOverdue(): void {
    for (const fact of this.facts) fact.overdue ||= fact.endings.length === 0;
  }

  /** Forgets what was asked. */
  reset(): void {
    this.facts = [];
    this.strangers = [];
    this.blind = false;
    this.closed = false;
    this.#sent = new Map();
    this.#open = 0;
  }

  /** Begins the numbers of requests anew, because the driver is at the kept moment again. */
  restart(): void {
    this.reset();
    this.#next = 1;
  }

  /** What became of request `id`; undefined if there is no such request. */
  fact(id: number): RequestFact | undefined {
    return this.#sent.get(id)?.fact;
  }

  /** Makes the requests of one event, in order. */
  requests(event: Extract<UserEvent, { kind: 'request' }>, atNs: number): DriverRequest[] {
    return Array.from({ length: event.count }, () =>
      this.request(event.apqn, event.what, atNs, false),
    );
  }

  /** Makes one request. A queue or kind that is not named, or that is not possible, is chosen in turn. */
  request(
    apqn: number | undefined,
    what: RequestKind | undefined,
    atNs: number,
    probe: boolean,
  ): DriverRequest {
    const id = this.#next++;
    const stock =
      this.#stocks.find((one) => one.apqn === apqn) ??
      (this.#stocks[id % this.#stocks.length] as Stock);
    const kind =
      what !== undefined && stock.kinds.includes(what)
        ? what
        : (stock.kinds[id % stock.kinds.length] as RequestKind);
    const jobs = stock.jobs[kind];
    const job = jobs?.[id % jobs.length];
    const message = job?.request ?? opaque(id, OPAQUE_BYTES[kind]);
    const target = apqn ?? stock.apqn;
    const fact: RequestFact = { id, apqn: target, kind, atNs, probe, overdue: false, endings: [] };
    this.facts.push(fact);
    this.#sent.set(id, { fact, job, message });
    this.#open++;
    return { id, apqn: target, message };
  }

  /** Notes what the driver says has ended. */
  ended(endings: readonly DriverEnding[], atNs: number): void {
    for (const ending of endings) {
      const sent = this.#sent.get(ending.id);
      if (sent === undefined) {
        this.strangers.push(ending.id);
        continue;
      }
      if (sent.fact.endings.length === 0) this.#open--;
      const { reply, error } = ending;
      const failed = reply === undefined ? (error ?? 'no reply') : error;
      const wrong =
        failed !== undefined || reply === undefined ? undefined : judge(sent, reply, this.blind);
      const fact: EndingFact = { atNs, error: failed, wrong };
      sent.fact.endings.push(fact);
    }
  }
}

/** A message with bytes that no other message has. Its second byte is not a type of message. */
const opaque = (id: number, bytes: number): Uint8Array => {
  const message = new Uint8Array(bytes);
  for (let i = 8; i < bytes; i++) message[i] = (id * 31 + i * 7) & 0xff;
  message[4] = id >>> 24;
  message[5] = id >>> 16;
  message[6] = id >>> 8;
  message[7] = id;
  return message;
};
