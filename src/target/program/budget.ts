// SPDX-License-Identifier: Apache-2.0
// How much a driver under test may do in a second of virtual time, and for each request. More than that is not work but a storm.
// Source: docs/reference/fuzzing.md section 4 (progress).
import { NS_PER_SECOND } from '../../units.ts';

/** Thrown through a driver that executes instructions without end. */
export class StormError extends Error {
  constructor() {
    super('instruction budget');
  }
}

/** How often a request may be sent: ten tries, each of which a queue may forget ten times, and some to spare. */
const SENT_MAX = 256;
/** Number of instructions for a request that is sent and of which nothing is heard: NQAP and DQAP. */
const INSTRUCTIONS_SENT = 2;
/**
 * Number of requests that can make the budget larger. More would leave no room for noticing a storm, in a second with an instruction each
 * microsecond.
 */
const REQUESTS_COUNTED = 1000;

export class Budget {
  /** What was done too often; undefined if nothing was. */
  storm: string | undefined;
  /** Number of requests that the driver was given. A driver without known requests may send what it likes. */
  requests: () => number = () => Number.POSITIVE_INFINITY;
  readonly #nowNs: () => number;
  readonly #perSecond: number;
  /** Number of messages that queues have accepted. */
  #sent = 0;
  /** Time since which instructions and steps are counted. */
  #windowNs = 0;
  #instructions = 0;
  #steps = 0;

  /** `perSecond` is the number of instructions and steps that a driver may take in a second of virtual time besides its requests. */
  constructor(nowNs: () => number, perSecond: number) {
    this.#nowNs = nowNs;
    this.#perSecond = perSecond;
  }

  begin(): void {
    this.storm = undefined;
    this.#sent = 0;
    this.#open(this.#nowNs());
  }

  /** Called before an instruction is executed. */
  instruction(): void {
    this.#move();
    if (++this.#instructions > this.#perSecond) this.#judge(this.#instructions, 'AP instructions');
  }

  /** Called when a queue has accepted a message. Sending a request again and again is not work. */
  sent(): void {
    if (++this.#sent > SENT_MAX * (1 + this.requests()))
      this.storm ??= `more than ${SENT_MAX} messages for each request`;
  }

  /** Called when a step of the program has ended. Steps without an instruction count too. */
  stepped(): void {
    this.#steps++;
  }

  /** Whether the program may take one more step. */
  mayStep(): boolean {
    this.#move();
    if (this.#steps > this.#perSecond) this.#judge(this.#steps, 'steps');
    return this.storm === undefined;
  }

  /**
   * Decides whether this much is a storm. Work that was asked for is not: a request that queues forget may be sent `SENT_MAX` times, even
   * all in one second.
   */
  #judge(done: number, what: string): void {
    const requests = this.requests();
    const work = Number.isFinite(requests) ? Math.min(requests, REQUESTS_COUNTED) : 0;
    const budget = this.#perSecond + work * SENT_MAX * INSTRUCTIONS_SENT;
    if (done > budget) this.storm ??= `more than ${budget} ${what} in a second of virtual time`;
  }

  /** Begins the next second. What was done in the last one does not count any more. */
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
