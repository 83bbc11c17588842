// SPDX-License-Identifier: Apache-2.0
// The engine of virtual queues as the rules have it: who sends next, to which real queue, and how a message ends.
// Source: docs/reference/vfio-ap.md V-05 to V-09, V-11, V-12; decisions VD-50 to VD-53.

import type { Events } from '../events.ts';
import { type Message, type ModelAdapter, ModelQueue } from '../state.ts';
import type { VirtualDefect } from './defects.ts';
import type { GuestView, VirtualQueue } from './guest-view.ts';

/** Longest message of a virtual queue, whatever its candidates take. */
export const VIRTUAL_LIMIT = 12288;
const FILTERED = 0x8b;
const PREEMPTED = 0x12;

export interface Card extends ModelAdapter {
  /** Requests it works on at a time. */
  readonly engines: number;
  /** An accelerator takes clear-key formats only; no generated message is one. */
  readonly accelerator: boolean;
  /** When each engine has done what it has begun, wanted or not. */
  readonly engineFree: number[];
}

/** A message on a real queue. */
interface Sent {
  readonly view: GuestView;
  readonly queue: VirtualQueue;
  readonly message: Message;
  readonly due: number;
  /** Turn in which it was sent. */
  readonly order: number;
}

export class RealQueue extends ModelQueue {
  readonly card: Card;
  /** What it has accepted and the engine has not fetched, in order of acceptance. */
  sent: Sent[] = [];

  constructor(apqn: number, card: Card) {
    super(apqn, card);
    this.card = card;
  }

  pending(now: number): number {
    return this.sent.filter(({ due }) => due > now).length;
  }

  get usable(): boolean {
    return !this.card.deconfigured && !this.card.checkstopped;
  }
}

/** Type 82 with a code (messages.md 3.1): 8 bytes of header. */
const errorReply = (code: number): Uint8Array => Uint8Array.from([0x00, 0x82, 0, 0, code, 0, 0, 0]);

/** FNV-1a of the eight bytes of a PSMID (VD-53). */
const hashOf = (psmid: bigint): number => {
  let hash = 0x811c9dc5n;
  for (let shift = 56n; shift >= 0n; shift -= 8n)
    hash = ((hash ^ ((psmid >> shift) & 0xffn)) * 0x01000193n) & 0xffffffffn;
  return Number(hash);
};

export class Engine {
  private readonly events: Events;
  private readonly views: readonly GuestView[];
  private readonly defect: (name: VirtualDefect) => boolean;
  private turns = 0;

  constructor(
    events: Events,
    views: readonly GuestView[],
    defect: (name: VirtualDefect) => boolean,
  ) {
    this.events = events;
    this.views = views;
    this.defect = defect;
  }

  /** Everything that can be moved now: replies that are ready, then one message of each virtual queue in turn, until nothing moves. */
  move(): void {
    do this.events.advance(0);
    while (this.turn());
  }

  /** Each virtual queue sends at most one message; whether any did. */
  private turn(): boolean {
    const waiting = this.views.flatMap((view) =>
      [...view.queues.keys()]
        .sort((a, b) => a - b)
        .map((apqn) => ({ view, queue: view.virtual(apqn) })),
    );
    // VD-51: whose last message was sent longest ago; at a tie by guest and APQN.
    if (!this.defect('turn-ignored')) waiting.sort((a, b) => a.queue.stamp - b.queue.stamp);
    return waiting.filter(({ view, queue }) => this.send(view, queue)).length > 0;
  }

  private send(view: GuestView, queue: VirtualQueue): boolean {
    const message = queue.requests.find((one) => !queue.underWay.has(one));
    if (message === undefined) return false;
    const all = view.candidates(queue);
    if (all.length > 0 && all[0].card.accelerator && !this.defect('filter-off')) {
      this.answer(view, queue, message, FILTERED);
      return true;
    }
    const fits = all.filter((real) => real.limit >= message.bytes.length);
    if (all.length > 0 && fits.length === 0) {
      this.answer(view, queue, message, PREEMPTED);
      return true;
    }
    const { now } = this.events;
    const free = fits.filter((real) => {
      const busy = real.pending(now) >= real.card.engines && !this.defect('engines-ignored');
      return !busy && real.sent.length < real.card.config.depth;
    });
    const real = this.choose(view, queue, message, fits, free);
    if (real === undefined) return false;
    queue.stamp = ++this.turns;
    queue.underWay.add(message);
    this.accept(view, queue, message, real);
    return true;
  }

  /** V-05. */
  private choose(
    view: GuestView,
    queue: VirtualQueue,
    message: Message,
    all: readonly RealQueue[],
    free: readonly RealQueue[],
  ): RealQueue | undefined {
    if (view.choice === 'first' || this.defect('always-first')) return free[0];
    if (view.choice === 'sticky') {
      const wanted = all[hashOf(message.psmid) % all.length];
      return free.includes(wanted) ? wanted : undefined;
    }
    const { now } = this.events;
    const load = (real: RealQueue): number => real.pending(now) / real.card.config.depth;
    const least = Math.min(...free.map(load));
    const best = this.defect('load-ignored') ? free : free.filter((real) => load(real) === least);
    const next = this.defect('no-round-robin')
      ? best[0]
      : (best.find(({ apqn }) => apqn > queue.last) ?? best[0]);
    if (next !== undefined) queue.last = next.apqn;
    return next;
  }

  private accept(view: GuestView, queue: VirtualQueue, message: Message, real: RealQueue): void {
    const { engineFree, config } = real.card;
    const { now } = this.events;
    let due = now + config.serviceNs;
    if (config.serviceNs > 0) {
      const engine = engineFree.indexOf(Math.min(...engineFree));
      due = Math.max(now, engineFree[engine]) + config.serviceNs;
      engineFree[engine] = due;
    }
    const sent: Sent = { view, queue, message, due, order: this.turns };
    real.sent.push(sent);
    this.events.after(due - now, 'service', real, () => {
      real.sent.splice(real.sent.indexOf(sent), 1);
      this.bringBack(sent);
    });
  }

  /** V-06, V-07. What its guest has discarded meanwhile is nobody's. */
  private bringBack({ view, queue, message }: Sent): void {
    queue.underWay.delete(message);
    const other = this.views.find((one) => one !== view);
    const wrong = this.defect('reply-to-another') ? other?.queues.get(queue.apqn) : undefined;
    if (wrong !== undefined) wrong.replies.push(message);
    view.reply(queue, message);
  }

  private answer(view: GuestView, queue: VirtualQueue, message: Message, code: number): void {
    queue.underWay.delete(message);
    const at = queue.requests.indexOf(message);
    if (at < 0) return;
    const reply = { psmid: message.psmid, bytes: errorReply(code) };
    queue.requests.splice(at, 1, reply);
    view.reply(queue, reply);
  }

  /** VD-52: what these real queues had accepted ends with an error, in order of acceptance. */
  lose(reals: readonly RealQueue[]): void {
    const lost = reals.flatMap((real) => real.sent.map((sent) => ({ sent, real })));
    for (const { real } of lost) {
      this.events.cancel(real);
      real.sent = [];
    }
    if (this.defect('lost-silently')) return;
    lost
      .sort((a, b) => a.sent.order - b.sent.order)
      .forEach(({ sent: { view, queue, message } }) => {
        this.answer(view, queue, message, PREEMPTED);
      });
  }

  /** Nothing is on the real queue any more, and nobody asks. */
  forget(real: RealQueue): void {
    this.events.cancel(real);
    real.sent = [];
  }
}
