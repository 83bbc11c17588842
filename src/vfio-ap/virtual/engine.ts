// SPDX-License-Identifier: Apache-2.0
// The engine behind virtual queues: takes messages from them, sends them to real queues, and brings the replies back. It works on the
// image alone and in any thread: whoever executes an instruction of a virtual guest, or lets time pass, moves all that can be moved, for
// all guests. Locks: a virtual queue's is taken before a real one's, and one of each kind at a time.
// Source: docs/reference/vfio-ap.md section 8.3 (V-05 to V-09, V-14); decisions VD-50 to VD-52.
import { FUNCTION_NQAP } from '../../../native-like/arch/function-numbers.ts';
import type { MachineImage } from '../../../native-like/machine/image.ts';
import {
  A_ENGINES,
  ATTENTION_RESET,
  C_VIRTUAL_COUNT,
  C_VIRTUAL_STAMP,
  C_VIRTUAL_TAG,
  L_LENGTH,
  Q_ATTENTION,
  Q_LIMIT,
  Q_REQUEST_HEAD,
  Q_REQUEST_TAIL,
} from '../../../native-like/machine/layout.ts';
import {
  messagesUnderWay,
  setUnderWay,
  slotBytes,
  slotHeader,
  type UnderWay,
  virtualQueues,
} from '../../../native-like/machine/virtual-image.ts';
import {
  E_ALLOW_SECURE,
  E_APQN,
  E_GUEST,
  E_LIMIT,
  E_QUEUE,
  E_SENT,
  E_STAMP,
  E_UNDER_WAY,
  TAG_GONE,
  TAG_UNDER_WAY,
} from '../../../native-like/machine/virtual-layout.ts';
import { PACKET_TRUNCATED, PREEMPT_FAILURE } from '../../cex/messages/reply-codes.ts';
import type { Kernel } from '../../lpar/kernel.ts';
import { Candidates } from './candidates.ts';
import { chooseQueue } from './choice.ts';

/** Nanoseconds after which a message that waits is offered again to real queues that have refused it. */
const RETRY_NS = 1_000_000;

export interface EngineOptions {
  readonly image: MachineImage;
  readonly kernel: Kernel;
  /** Number of the thread, whose clock is used. */
  readonly thread: number;
  /** Has the adapter take what is new on a real queue. */
  readonly serve: (q: number) => void;
  readonly messages: MessageRules;
}

/** What an engine does with the contents of messages (V-12, and the domain that a message names). */
export interface MessageRules {
  /** The reply code with which the message is refused, or 0. */
  refuses(mode: number, message: Uint8Array, allowSecure: boolean): number;
  /** Writes an error reply with this code, and returns its length in bytes. */
  error(reply: Uint8Array, code: number): number;
  /** In a request or reply that names domain `from`, replaces it by `to`. */
  translate(mode: number, message: Uint8Array, from: number, to: number): void;
}

/** Reply code for a message that was lost with its card: a driver then sends it again (messages.md 3.1). */
const LOST_ON_CARD = PREEMPT_FAILURE;

export class VirtualEngine {
  readonly candidates: Candidates;
  readonly #image: MachineImage;
  readonly #kernel: Kernel;
  readonly #clock: number;
  readonly #serve: (q: number) => void;
  readonly #messages: MessageRules;

  constructor({ image, kernel, thread, serve, messages }: EngineOptions) {
    this.#image = image;
    this.#kernel = kernel;
    this.#clock = image.thread(thread) / 2;
    this.#serve = serve;
    this.#messages = messages;
    this.candidates = new Candidates(image);
  }

  /** Moves everything that can be moved at this thread's time. Returns when the next thing is due; Infinity if there is none. */
  pump(): number {
    if (this.#word(C_VIRTUAL_COUNT) === 0) return Number.POSITIVE_INFINITY;
    const entries = virtualQueues(this.#image);
    for (let moved = true; moved; ) {
      const brought = entries.filter((entry) => this.#locked(entry, () => this.#collect(entry)));
      const sent = this.#byTurn(entries).filter((entry) =>
        this.#locked(entry, () => this.#send(entry)),
      );
      moved = brought.length + sent.length > 0;
    }
    return Math.min(...entries.map((entry) => this.#nextDue(entry)));
  }

  /**
   * Looks up the candidates. Without any, the virtual queue is like a real one that has gone: its messages are lost, its interruptions
   * off, and a reset is over (AD-36). The caller holds its lock.
   */
  refresh(entry: number): void {
    if (this.candidates.of(entry).length > 0) return;
    const q = this.#word(entry + E_QUEUE);
    this.discard(entry);
    this.#kernel.flush(q);
    this.#image.i32[q + Q_ATTENTION] = this.#word(q + Q_ATTENTION) & ~ATTENTION_RESET;
  }

  /** Gives up the messages that are under way, because the guest has reset its queue or is gone. The caller holds its lock. */
  discard(entry: number): void {
    for (const { real, realSlot, tag } of messagesUnderWay(this.#image, entry)) {
      this.#kernel.lockQueue(real);
      this.#kernel.abandon(real, realSlot, tag);
      this.#kernel.unlockQueue(real);
    }
    this.#image.i32[entry + E_UNDER_WAY] = 0;
  }

  #word(index: number): number {
    return this.#image.word(index);
  }

  /** The order of the turns: the last message sent longest ago is first; who has sent none, by guest and APQN (VD-51). */
  #byTurn(entries: readonly number[]): number[] {
    const by = (a: number, b: number, word: number): number =>
      (this.#word(a + word) - this.#word(b + word)) | 0;
    return [...entries].sort((a, b) => by(a, b, E_STAMP) || by(a, b, E_GUEST) || by(a, b, E_APQN));
  }

  #locked(entry: number, action: () => boolean): boolean {
    const q = this.#word(entry + E_QUEUE);
    this.#kernel.lockQueue(q);
    try {
      return action();
    } finally {
      this.#kernel.unlockQueue(q);
    }
  }

  /** Brings back the replies that are there in the order in which they became ready, and answers messages lost with their card. */
  #collect(entry: number): boolean {
    this.refresh(entry);
    const ended = messagesUnderWay(this.#image, entry)
      .map((message) => ({ message, ...this.#look(message) }))
      .filter(({ where }) => where !== TAG_UNDER_WAY)
      .sort((a, b) => a.since - b.since || (a.message.tag - b.message.tag) | 0);
    for (const { message, where } of ended) {
      if (where === TAG_GONE) this.#answer(entry, message.slot, LOST_ON_CARD);
      else this.#bringBack(entry, message);
    }
    return ended.length > 0;
  }

  /** Tells where a message is now, and since when. */
  #look({ real, realSlot, tag }: UnderWay): { where: number; since: number } {
    this.#kernel.lockQueue(real);
    this.#kernel.settle(real, this.#now());
    const where = this.#kernel.whereabouts(real, realSlot, tag);
    const since = where === TAG_GONE ? this.#now() : this.#kernel.readySince(real, realSlot);
    this.#kernel.unlockQueue(real);
    return { where, since };
  }

  #bringBack(entry: number, { slot, real, realSlot, tag }: UnderWay): void {
    const q = this.#word(entry + E_QUEUE);
    const length = this.#word(slotHeader(this.#image, real, realSlot) + L_LENGTH);
    this.#kernel.lockQueue(real);
    if (length > this.#word(entry + E_LIMIT)) {
      this.#kernel.abandon(real, realSlot, tag);
      this.#kernel.unlockQueue(real);
      this.#answer(entry, slot, PACKET_TRUNCATED);
      return;
    }
    this.#kernel.bringBack(q, slot, real, realSlot);
    this.#kernel.unlockQueue(real);
    const reply = slotBytes(this.#image, q, slot, 'used');
    const [virtualDomain, realDomain] = this.#domains(entry, real);
    this.#messages.translate(this.#mode(real), reply, realDomain, virtualDomain);
    this.#offer(entry, slot);
  }

  /** Answers a message with an error reply of the engine's own. */
  #answer(entry: number, slot: number, code: number): void {
    const q = this.#word(entry + E_QUEUE);
    const length = this.#messages.error(slotBytes(this.#image, q, slot, 'room'), code);
    this.#image.i32[slotHeader(this.#image, q, slot) + L_LENGTH] = length;
    this.#offer(entry, slot);
  }

  #offer(entry: number, slot: number): void {
    setUnderWay(this.#image, entry, slot, false);
    this.#kernel.offerReply(this.#word(entry + E_QUEUE), slot);
  }

  /** Sends the oldest message that waits, if a real queue takes it. Only one is sent at a time, so that guests take turns. */
  #send(entry: number): boolean {
    const q = this.#word(entry + E_QUEUE);
    if (this.#word(q + Q_REQUEST_HEAD) === this.#word(q + Q_REQUEST_TAIL)) return false;
    const candidates = this.candidates.of(entry);
    if (candidates.length === 0) return false;
    const slot = this.#kernel.firstRequest(q);
    const message = slotBytes(this.#image, q, slot, 'used');
    const all = candidates.filter((real) => message.length <= this.#word(real + Q_LIMIT));
    const code = this.#refusal(entry, message, candidates[0], all);
    if (code !== 0) {
      this.#kernel.takeRequest(q);
      this.#answer(entry, slot, code);
      return true;
    }
    const free = all.filter((real) => this.#takes(real));
    if (free.length === 0) return false;
    const header = slotHeader(this.#image, q, slot);
    const real = chooseQueue(this.#image, this.#kernel, { all, free }, { entry, header });
    if (real === undefined) return false;
    this.#kernel.takeRequest(q);
    this.#forward(entry, slot, real, message);
    return true;
  }

  /**
   * The reply code with which a message is refused, or 0. It is refused if it is filtered (V-12), or if it is longer than all candidates
   * allow, which can happen after a change of cards.
   */
  #refusal(
    entry: number,
    message: Uint8Array,
    candidate: number,
    fitting: readonly number[],
  ): number {
    const allowSecure = this.#word(entry + E_ALLOW_SECURE) !== 0;
    const code = this.#messages.refuses(this.#mode(candidate), message, allowSecure);
    return code === 0 && fitting.length === 0 ? LOST_ON_CARD : code;
  }

  #forward(entry: number, slot: number, real: number, message: Uint8Array): void {
    const { i32 } = this.#image;
    const [virtualDomain, realDomain] = this.#domains(entry, real);
    this.#messages.translate(this.#mode(real), message, virtualDomain, realDomain);
    const tag = Atomics.add(i32, C_VIRTUAL_TAG, 1) + 1;
    i32[entry + E_STAMP] = Atomics.add(i32, C_VIRTUAL_STAMP, 1) + 1;
    i32[entry + E_SENT] = this.#word(entry + E_SENT) + 1;
    setUnderWay(this.#image, entry, slot, true);
    this.#kernel.lockQueue(real);
    this.#kernel.forward(this.#word(entry + E_QUEUE), slot, real, tag);
    this.#kernel.unlockQueue(real);
    this.#serve(real);
  }

  /** Whether a real queue can take a message now: no error, room in it, and fewer messages than its adapter has engines (VD-51). */
  #takes(real: number): boolean {
    const apqn = this.#image.apqnOf(real);
    const engines = this.#word(this.#image.adapter(apqn >>> 8) + A_ENGINES);
    this.#kernel.lockQueue(real);
    const takes =
      (engines === 0 || this.#kernel.pendingOn(real) < engines) &&
      this.#kernel.hasRoom(real) &&
      this.#kernel.queueCondition(this.#image.vcpu(0), real, apqn, FUNCTION_NQAP) === 0;
    this.#kernel.unlockQueue(real);
    return takes;
  }

  #mode(real: number): number {
    return this.#image.modeOf(real);
  }

  /** The message's domain as the guest knows it, then the real one. */
  #domains(entry: number, real: number): readonly [number, number] {
    return [this.#word(entry + E_APQN) & 0xff, this.#image.apqnOf(real) & 0xff];
  }

  #now(): number {
    return this.#image.f64[this.#clock];
  }

  #nextDue(entry: number): number {
    const due = messagesUnderWay(this.#image, entry).map(({ real }) => this.#kernel.nextDue(real));
    const q = this.#word(entry + E_QUEUE);
    const waits = this.#word(q + Q_REQUEST_HEAD) !== this.#word(q + Q_REQUEST_TAIL);
    if (waits && this.candidates.of(entry).length > 0) due.push(this.#now() + RETRY_NS);
    return Math.min(Number.POSITIVE_INFINITY, ...due);
  }
}
