// SPDX-License-Identifier: Apache-2.0
// What a driver under test may do in a second of virtual time, and for each request: what goes beyond is no work but a storm.
// Source: docs/reference/fuzzing.md section 4 (progress).
import { NS_PER_SECOND } from '../../units.ts';

/** Thrown through a driver that executes instructions without end. */
export class StormError extends Error {
  constructor() {
    super('instruction budget');
  }
}

/** Times a request may be sent: ten tries, of which a queue forgets each ten times, and time to spare. */
const SENT_MAX = 256;
/** Instructions of a request that is sent and of which nothing is heard: NQAP, DQAP. */
const INSTRUCTIONS_SENT = 2;
/** Requests that make the budget larger, at most: more would leave no room for a storm in a second of an instruction each microsecond. */
const REQUESTS_COUNTED = 1000;

export class Budget {
  /** What was done too often. */
  storm: string | undefined;
  /** Requests the driver was given; what knows none sends what it likes. */
  requests: () => number = () => Number.POSITIVE_INFINITY;
  readonly #nowNs: () => number;
  readonly #perSecond: number;
  /** Messages that queues have taken. */
  #sent = 0;
  /** Since when instructions and steps are counted. */
  #windowNs = 0;
  #instructions = 0;
  #steps = 0;

  /** `perSecond`: instructions and steps a driver may take in a second of virtual time besides its requests. */
  constructor(nowNs: () => number, perSecond: number) {
    this.#nowNs = nowNs;
    this.#perSecond = perSecond;
  }

  begin(): void {
    this.storm = undefined;
    this.#sent = 0;
    this.#open(this.#nowNs());
  }

  /** An instruction is about to be executed. */
  instruction(): void {
    this.#move();
    if (++this.#instructions > this.#perSecond) this.#judge(this.#instructions, 'AP instructions');
  }

  /** A queue has taken a message. A request that is sent again and again is no work. */
  sent(): void {
    if (++this.#sent > SENT_MAX * (1 + this.requests()))
      this.storm ??= `more than ${SENT_MAX} messages for each request`;
  }

  /** A step of the program has ended; those without an instruction count too. */
  stepped(): void {
    this.#steps++;
  }

  /** Whether the program may take one more step. */
  mayStep(): boolean {
    this.#move();
    if (this.#steps > this.#perSecond) this.#judge(this.#steps, 'steps');
    return this.storm === undefined;
  }

  /** Work that was asked for is no storm: a request that queues forget may be sent `SENT_MAX` times, all in one second. */
  #judge(done: number, what: string): void {
    const requests = this.requests();
    const work = Number.isFinite(requests) ? Math.min(requests, REQUESTS_COUNTED) : 0;
    const budget = this.#perSecond + work * SENT_MAX * INSTRUCTIONS_SENT;
    if (done > budget) this.storm ??= `more than ${budget} ${what} in a second of virtual time`;
  }

  /** A second is over: what was done in it counts no more. */
  #move(): void {
    const now = this.#nowNs();
    if (now - this.#windowNs >= NS_PER_SECOND) this.#open(now);
  }

  #open(now: number): void {
    this.#windowNs = now;
    this.#instructions = 0;
    this.#steps = 0;
  }
}
