// SPDX-License-Identifier: Apache-2.0
// A driver in C as a guest of `apemu run`. A user that belongs to it sends the messages of a workload through it and counts the replies.
// Source: docs/c-drivers.md; the same workloads as the reference driver's.
import {
  GR2_ML_MASK,
  GR2_ML_SHIFT,
  GR2_QD_MASK,
  GR2_TYPE_SHIFT,
} from '../../../native-like/arch/registers.ts';
import { addLatency, createStatistics, type QueueStatistics } from '../ap-bus-driver/statistics.ts';
import { badArgument, integerArg } from '../arguments.ts';
import {
  createSearch,
  QCI_ADDRESS,
  STEP_INSTRUCTIONS,
  searchQueues,
} from '../built-in/discover.ts';
import { type Cpu, type GuestProgram, WAIT_NOTHING, type Wait } from '../cpu.ts';
import type { DriverEnding } from '../driver.ts';
import { apCpuOf, tapq } from '../instructions.ts';
import { NO_MESSAGE_NOW, SPECIAL_COMMAND, type Workload } from '../workloads/workload.ts';
import type { DriverModule } from './driver-module.ts';
import { cDriver, type DriverState } from './program.ts';

const MESSAGE_PAGE = 4096;
const MESSAGE_PAGES = 3;
/** How many requests of a queue are on their way at the same time. */
const OUTSTANDING = { normal: 4, low: 1, high: 256 };

/** What became of the messages of a program that is its driver's user. Plain data: other threads are told. */
export interface UserLoad {
  readonly statistics: QueueStatistics;
  /** Requests that the driver has ended with an error. */
  failed: number;
  /** Start of the first request and time of the last ending; 0: none yet. */
  firstMessageNs: number;
  lastReplyNs: number;
  /** When the requests that have not ended were made, by their number. */
  open: Record<number, number>;
}

const createLoad = (): UserLoad => ({
  statistics: createStatistics(),
  failed: 0,
  firstMessageNs: 0,
  lastReplyNs: 0,
  open: {},
});

interface QueueUse {
  readonly apqn: number;
  readonly workload: unknown;
  /** Storage for the requests that are on their way, by whose address the workload knows them; after each there is room for a reply. */
  readonly room: Uint8Array;
  readonly requestBytes: number;
  readonly replyAt: number;
  /** Addresses that are free. */
  free: number[];
}

/** A request on its way. */
interface Sent {
  readonly queue: QueueUse;
  readonly at: number;
  readonly bytes: number;
}

const workloadNamed = (
  owner: string,
  args: Readonly<Record<string, unknown>>,
  workloads: readonly Workload[],
): { workload: Workload; args: Readonly<Record<string, unknown>> } => {
  const value = args['workload'] ?? 'loopback';
  const own = typeof value === 'string' ? { name: value } : (value as Record<string, unknown>);
  const workload = workloads.find(({ name }) => name === own['name']);
  if (workload === undefined)
    throw badArgument(
      owner,
      'workload',
      `one of ${workloads.map(({ name }) => name).join(', ')}`,
      value,
    );
  if (own['ratePerSecond'] !== undefined)
    throw badArgument(
      owner,
      'rate',
      'left out: a C driver is given as much as it takes',
      own['ratePerSecond'],
    );
  return { workload, args: { ...args, ...own } };
};

/** A driver and its user. Fields that are not private can be sent to other threads. */
class UsedDriver {
  load = createLoad();
  readonly #driver: ReturnType<typeof cDriver>;
  readonly #state: DriverState;
  readonly #workload: Workload;
  readonly #args: Readonly<Record<string, unknown>>;
  readonly #outstanding: number;
  readonly #search = createSearch();
  readonly #sent = new Map<number, Sent>();
  #queues: QueueUse[] | undefined;
  #closed = false;

  constructor(
    module: DriverModule,
    args: Readonly<Record<string, unknown>>,
    workloads: readonly Workload[],
  ) {
    this.#driver = cDriver(module);
    this.#state = this.#driver.init(args);
    const chosen = workloadNamed(module.name, args, workloads);
    this.#workload = chosen.workload;
    this.#args = chosen.args;
    this.#outstanding = integerArg(module.name, chosen.args, 'outstanding', OUTSTANDING);
  }

  step(cpu: Cpu): Wait {
    // This has to come before the driver resets the queues: while a queue is being reset, it is not found.
    if (this.#queues === undefined) {
      const found = searchQueues(apCpuOf(cpu), this.#search, QCI_ADDRESS, STEP_INSTRUCTIONS);
      if (found) this.#queues = this.#search.found.map((apqn) => this.#queue(cpu, apqn));
      return WAIT_NOTHING;
    }
    this.#submit(cpu, this.#queues);
    const wait = this.#driver.step(cpu, this.#state);
    const endings = this.#driver.endings(this.#state);
    for (const ending of endings) this.#ended(ending, cpu.nowNs());
    // A request that has ended makes room, so the next one is sent at once.
    return endings.length > 0 && !this.#closed ? WAIT_NOTHING : wait;
  }

  keep(): () => void {
    const [load, sent, closed] = [structuredClone(this.load), [...this.#sent], this.#closed];
    const free = this.#queues?.map((queue) => [...queue.free]) ?? [];
    const putBack = this.#state.keep();
    return () => {
      this.load = structuredClone(load);
      this.#sent.clear();
      for (const [id, request] of sent) this.#sent.set(id, request);
      this.#closed = closed;
      for (const [n, queue] of (this.#queues ?? []).entries()) queue.free = [...(free[n] ?? [])];
      putBack();
    };
  }

  #queue(cpu: Cpu, apqn: number): QueueUse {
    const ap = apCpuOf(cpu);
    tapq(ap, apqn, true);
    const pages = (ap.infoLow >>> GR2_ML_SHIFT) & GR2_ML_MASK;
    const facts = {
      apqn,
      type: ap.infoLow >>> GR2_TYPE_SHIFT,
      functions: ap.infoHigh,
      maxMessageBytes: (pages === 0 ? MESSAGE_PAGES : pages) * MESSAGE_PAGE,
      limit: (ap.infoLow & GR2_QD_MASK) + 1,
    };
    const workload = this.#workload.init(this.#args, facts);
    const requestBytes = this.#workload.requestBytes(workload, facts);
    const replyAt = this.#outstanding * requestBytes;
    const room = new Uint8Array(replyAt + facts.maxMessageBytes);
    const free = Array.from({ length: this.#outstanding }, (_, n) => n * requestBytes);
    return { apqn, workload, room, requestBytes, replyAt, free };
  }

  #submit(cpu: Cpu, queues: readonly QueueUse[]): void {
    let over = true;
    for (const queue of queues) {
      while (queue.free.length > 0 && this.#send(cpu, queue)) over = false;
      over &&= queue.free.length === this.#outstanding;
    }
    if (!over || this.#closed) return;
    this.#closed = true;
    this.#driver.close?.(cpu, this.#state);
  }

  /** Sends one request to a queue. Returns whether there was one. */
  #send(cpu: Cpu, queue: QueueUse): boolean {
    const at = queue.free.at(-1) as number;
    const { room, workload, apqn } = queue;
    const bytes = this.#workload.next(workload, room, at) & ~SPECIAL_COMMAND;
    if (bytes <= NO_MESSAGE_NOW) return false;
    queue.free.pop();
    const { load } = this;
    const id = ++load.statistics.sent;
    const nowNs = cpu.nowNs();
    if (load.firstMessageNs === 0) load.firstMessageNs = nowNs;
    load.open[id] = nowNs;
    this.#sent.set(id, { queue, at, bytes });
    this.#driver.submit(cpu, this.#state, { id, apqn, message: room.slice(at, at + bytes) });
    return true;
  }

  #ended({ id, reply, error }: DriverEnding, nowNs: number): void {
    const { load } = this;
    const { statistics } = load;
    load.lastReplyNs = nowNs;
    const request = this.#sent.get(id);
    if (request === undefined) {
      statistics.wrong++;
      return;
    }
    this.#sent.delete(id);
    request.queue.free.push(request.at);
    const startNs = load.open[id] ?? nowNs;
    delete load.open[id];
    if (error !== undefined || reply === undefined) {
      load.failed++;
      return;
    }
    if (this.#isRight(request, reply)) statistics.answered++;
    else statistics.wrong++;
    addLatency(statistics, nowNs - startNs);
  }

  #isRight({ queue, at, bytes }: Sent, reply: Uint8Array): boolean {
    const { room, replyAt, workload } = queue;
    if (reply.length > room.length - replyAt) return false;
    room.set(reply, replyAt);
    return this.#workload.check(workload, room, at, bytes, replyAt, reply.length);
  }
}

/** A module and its user as the program of a guest. */
export const usedDriver = (
  module: DriverModule,
  workloads: readonly Workload[],
): GuestProgram<UsedDriver> => ({
  name: module.name,
  init: (args) => new UsedDriver(module, args, workloads),
  step: (cpu, state) => state.step(cpu),
  remember: (state) => state.keep(),
});
