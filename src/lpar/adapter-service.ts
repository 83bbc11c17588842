// SPDX-License-Identifier: Apache-2.0
// The adapters at work: takes requests from queues, has them answered, and decides when the replies are ready. Works on the image alone,
// in whatever thread owns the queue.
// Source: docs/design.md sections 3 and 4; docs/reference/ap-architecture.md AD-30; docs/reference/messages.md section 7.2.
import { MODE_LOOPBACK } from '../../native-like/arch/adapter-types.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  A_BUSY,
  A_ENGINES,
  A_FIFO,
  A_FREE_AT,
  A_LAST_DUE,
  A_LOCK,
  A_MODEL,
  A_RANDOM,
  A_SERVED,
  A_SIGMA,
  A_TIME,
  A_WAITED,
  C_PENDING_BYTE,
  DEVICE_VIRTUAL,
  K_APQN,
  K_MODE,
  L_ACCEPTED,
  L_DELAY,
  L_FLAGS,
  L_LENGTH,
  L_REPLY,
  L_SENDER,
  Q_DEVICE,
  Q_LIMIT,
  Q_REQUEST_HEAD,
  Q_REQUEST_TAIL,
  Q_SLOTS_BYTE,
  Q_STRIDE_BYTE,
  QUEUE_WORDS,
  SERVICE_FIXED,
  SERVICE_LOGNORMAL,
  SERVICE_RATED,
  SLOT_HEADER_BYTES,
  SLOT_REPLY,
  SLOT_SPECIAL,
  T_PENDING,
} from '../../native-like/machine/layout.ts';
import { type InjectionWords, injectionOf } from '../cex/inject-words.ts';
import type { Kernel } from './kernel.ts';
import { asFraction, nextRandom } from './random.ts';
import { ServiceTrace } from './service-trace.ts';

/** A request that is handed to the card model. The request and the room for its reply are the same memory. */
export interface ServiceRequest {
  readonly apqn: number;
  readonly special: boolean;
  /** Word index of the sender's effective masks. */
  readonly sender: number;
  /** The reply that a fault wants in place of the card's, if there is one. */
  readonly injected: ReturnType<typeof injectionOf> | undefined;
  /** The request. `room` is the whole slot, into which the reply is written. */
  readonly bytes: Uint8Array;
  readonly room: Uint8Array;
}

/**
 * A card model: writes the reply to a request into `room` and returns its length in bytes. Loopback queues need none, except for injected
 * replies.
 */
export type MessageModel = (request: ServiceRequest) => number;

/** Rated service time in nanoseconds of a request, for the model `rated`. */
export type RatedTime = (apqn: number, request: Uint8Array) => number;

export interface ServiceModels {
  readonly answer: MessageModel;
  /** As `answer`, for a request with an injected reply. `good` is the reply it would have without the fault. */
  readonly inject: (request: ServiceRequest, good: Uint8Array) => number;
  readonly ratedNs: RatedTime;
}

/** Serves queues of one machine, in one thread. */
export class AdapterService {
  readonly #image: MachineImage;
  readonly #kernel: Kernel;
  readonly #models: ServiceModels | undefined;
  readonly #clock: number;
  readonly #flag: number;
  readonly #trace: ServiceTrace;
  /** Time at which an engine begins with the request that was scheduled last. */
  #begunNs = 0;
  /** Moves messages between virtual and real queues after the queues were served. Returns the time of the next thing that is due. */
  pump: () => number = () => Number.POSITIVE_INFINITY;
  /**
   * Sees each reply (`length` bytes at byte `at`, in a slot with room for `limit` bytes) before the guest does, and returns its length,
   * which it may change.
   */
  onReply: ((header: number, at: number, length: number, limit: number) => number) | undefined;
  /** Owner of the queues that `serve` looks at when it is not given one; undefined: those of everybody. */
  only: number | undefined;

  constructor(image: MachineImage, kernel: Kernel, models: ServiceModels | undefined, thread = 0) {
    this.#image = image;
    this.#kernel = kernel;
    this.#models = models;
    const block = image.thread(thread);
    this.#clock = block / 2;
    this.#flag = block + T_PENDING;
    this.#trace = new ServiceTrace(image, thread);
  }

  /** Whether a queue was marked since the last look. Cheap enough to be asked between instructions. */
  get wanted(): boolean {
    return this.#image.i32[this.#flag] !== 0;
  }

  /**
   * Serves every marked queue of `owner` (a guest's number, 0 the host, undefined everybody) at the thread's time. Returns the time of
   * the next thing that is due; Infinity if there is none.
   */
  serve(owner: number | undefined = this.only): number {
    this.#image.i32[this.#flag] = 0;
    let next = Number.POSITIVE_INFINITY;
    const count = this.#image.queues;
    const marks = this.#image.word(C_PENDING_BYTE) >> 2;
    // Looks at four marks at a time, since most queues of a large machine have nothing to do.
    for (let first = 0; first < count; first += 4) {
      if (this.#image.i32[marks + (first >> 2)] === 0) continue;
      for (let n = first; n < first + 4; n++) next = Math.min(next, this.#serveMarked(n, owner));
    }
    return Math.min(next, this.pump());
  }

  /** Serves the queue that an instruction has named, if it was marked. This is for after an instruction, when other queues need no look. */
  serveApqn(apqn: number): void {
    this.#image.i32[this.#flag] = 0;
    const n = (this.#image.queue(apqn) - this.#image.queueRecord(0)) / QUEUE_WORDS;
    this.#serveMarked(n, this.only);
  }

  #serveMarked(n: number, owner: number | undefined): number {
    const { u8 } = this.#image;
    const mark = this.#image.word(C_PENDING_BYTE) + n;
    if (u8[mark] === 0) return Number.POSITIVE_INFINITY;
    const q = this.#image.queueRecord(n);
    if (owner !== undefined && this.#image.ownerOf(q) !== owner) return Number.POSITIVE_INFINITY;
    // The mark is cleared before the look, so that what another thread puts on the queue afterwards marks it again.
    u8[mark] = 0;
    const due = this.serveQueue(q);
    if (due !== Number.POSITIVE_INFINITY) u8[mark] = 1;
    return due;
  }

  /** Takes what is new on a queue, and does what is due on it. Returns the time of the next thing that is due. */
  serveQueue(q: number): number {
    const now = this.#image.f64[this.#clock];
    this.#kernel.lockQueue(q);
    this.#kernel.settle(q, now);
    const isOurs = this.#image.i32[q + Q_DEVICE] !== DEVICE_VIRTUAL;
    if (isOurs && this.#image.i32[q + Q_REQUEST_HEAD] !== this.#image.i32[q + Q_REQUEST_TAIL]) {
      for (let slot = this.#kernel.takeRequest(q); slot >= 0; slot = this.#kernel.takeRequest(q)) {
        this.#start(q, slot);
      }
      this.#kernel.settle(q, now);
    }
    const due = this.#kernel.nextDue(q);
    this.#kernel.unlockQueue(q);
    return due;
  }

  /** Has one request answered and schedules its reply. */
  #start(q: number, slot: number): void {
    const { i32, f64, u8 } = this.#image;
    const at = i32[q + Q_SLOTS_BYTE] + slot * i32[q + Q_STRIDE_BYTE];
    const header = at >>> 2;
    const cold = this.#image.cold(q);
    const apqn = i32[cold + K_APQN];
    const length = i32[header + L_LENGTH];
    const payload = at + SLOT_HEADER_BYTES;
    const accepted = f64[(header + L_ACCEPTED) >> 1];
    const bytes = u8.subarray(payload, payload + length);
    const due = this.#schedule(apqn, bytes, accepted) + f64[(header + L_DELAY) >> 1];
    let reply = length;
    const flags = i32[header + L_FLAGS];
    const injects = (flags & SLOT_REPLY) !== 0;
    if ((i32[cold + K_MODE] !== MODE_LOOPBACK || injects) && this.#models !== undefined) {
      const room = u8.subarray(payload, payload + i32[q + Q_LIMIT]);
      const special = (flags & SLOT_SPECIAL) !== 0;
      const injected = injects ? this.#injected(header) : undefined;
      const sender = i32[header + L_SENDER];
      reply = this.#models.answer({ apqn, special, sender, injected, bytes, room });
    }
    if (this.onReply !== undefined) reply = this.onReply(header, payload, reply, i32[q + Q_LIMIT]);
    this.#trace.taken(apqn, header, this.#begunNs, due);
    this.#kernel.completeAt(q, slot, reply, due);
  }

  #injected(header: number): ReturnType<typeof injectionOf> {
    const at = header + L_REPLY;
    return injectionOf(this.#image.i32.subarray(at, at + 3) as unknown as InjectionWords);
  }

  /**
   * Time at which the reply to a request accepted at time `accepted` is ready. It follows from the load of the engines, the service time,
   * and the order of replies.
   */
  #schedule(apqn: number, request: Uint8Array, accepted: number): number {
    const { i32, f64 } = this.#image;
    const record = this.#image.adapter(apqn >>> 8);
    this.#begunNs = accepted;
    if (i32[record + A_MODEL] === 0) return accepted;
    this.#kernel.takeLock(record + A_LOCK);
    const time = this.#serviceTime(record, apqn, request);
    let due = this.#engine(record, accepted, time);
    this.#begunNs = due - time;
    f64[(record + A_WAITED) >> 1] = f64[(record + A_WAITED) >> 1] + this.#begunNs - accepted;
    if (i32[record + A_FIFO] !== 0) {
      due = Math.max(due, f64[(record + A_LAST_DUE) >> 1]);
      f64[(record + A_LAST_DUE) >> 1] = due;
    }
    f64[(record + A_BUSY) >> 1] = f64[(record + A_BUSY) >> 1] + time;
    i32[record + A_SERVED] = i32[record + A_SERVED] + 1;
    Atomics.store(i32, record + A_LOCK, 0);
    return due;
  }

  #serviceTime(record: number, apqn: number, request: Uint8Array): number {
    const { i32, f64 } = this.#image;
    const time = f64[(record + A_TIME) >> 1];
    switch (i32[record + A_MODEL]) {
      case SERVICE_FIXED:
        return time;
      case SERVICE_LOGNORMAL:
        return Math.round(time * Math.exp(f64[(record + A_SIGMA) >> 1] * this.#normal(record)));
      case SERVICE_RATED:
        return this.#models?.ratedNs(apqn, request) ?? time;
      default:
        return 0;
    }
  }

  /** A random number with standard normal distribution, from the adapter's generator (Box and Muller). */
  #normal(record: number): number {
    const { i32 } = this.#image;
    const first = nextRandom(i32[record + A_RANDOM]);
    const second = nextRandom(first);
    i32[record + A_RANDOM] = second;
    return (
      Math.sqrt(-2 * Math.log(1 - asFraction(first))) * Math.cos(2 * Math.PI * asFraction(second))
    );
  }

  /**
   * Occupies the engine that is free first, for `time` nanoseconds from `accepted` on at the earliest. Returns the time when it is done.
   */
  #engine(record: number, accepted: number, time: number): number {
    const { f64 } = this.#image;
    const engines = this.#image.word(record + A_ENGINES);
    if (engines === 0) return accepted + time;
    const base = (record + A_FREE_AT) >> 1;
    let best = base;
    for (let n = 1; n < engines; n++) {
      if (f64[base + n] < f64[best]) best = base + n;
    }
    const done = Math.max(accepted, f64[best]) + time;
    f64[best] = done;
    return done;
  }
}
