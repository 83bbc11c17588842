// SPDX-License-Identifier: Apache-2.0
// Lets a guest run, and moves its clock on where it waits and can be moved: minutes of the guest cost a tenth of a second.
// Source: docs/reference/fuzzing.md section 3 (time).
import { ANY_ISC } from '../qemu/cpu-registers.ts';
import type { ScenarioRun } from '../scenario/scenario-run.ts';
import { NS_PER_MS, NS_PER_SECOND } from '../units.ts';
import type { KernelGuest } from './kernel-guest.ts';

/** Of the computer's time, for one case. */
const WALL_MS = 60_000;
/** The guest says nothing for so long: its clock is moved on. */
const GUEST_QUIET_MS = 1.5;
/** Steps of the guest's clock: longer ones starve its kernel. */
const STEP_NS = { least: 0.5 * NS_PER_MS, most: NS_PER_SECOND } as const;
/** NQAPs of one case: for what the kernel asks itself, and for each request, which is sent ten times at most. */
const NQAPS = { own: 200, request: 20 } as const;

export class GuestTime {
  readonly #guest: KernelGuest;
  readonly #scenario: ScenarioRun;
  readonly #requests: () => number;
  readonly #startMs = performance.now();
  /** The computer is too slow for what the guest was to be given: what it has not done by now says nothing. */
  outOfTime = false;
  #quietMs = 0;
  #stepNs: number = STEP_NS.least;

  /** A case begins now. `requests`: how many its user has made. */
  constructor(guest: KernelGuest, scenario: ScenarioRun, requests: () => number) {
    this.#guest = guest;
    this.#scenario = scenario;
    this.#requests = requests;
  }

  /** The kernel sends messages on and on. */
  get storms(): boolean {
    return this.#guest.service.nqaps > NQAPS.own + NQAPS.request * this.#requests();
  }

  /** Lets the guest run until `done`, at most `ns` of its time; until it has ended, or runs wild. */
  async until(ns: number, done: () => boolean): Promise<void> {
    const { machine, service, agent } = this.#guest;
    const end = machine.nowNs() + ns;
    while (!done() && this.#guest.alive && !this.storms) {
      this.outOfTime ||= performance.now() - this.#startMs > WALL_MS;
      if (machine.nowNs() >= end || this.outOfTime) return;
      const { calls } = agent;
      await new Promise((resolve) => setTimeout(resolve, GUEST_QUIET_MS));
      const quiet = performance.now() - service.lastMs >= GUEST_QUIET_MS && agent.calls === calls;
      if (quiet && !done()) await this.#skip(end);
    }
  }

  /** Nothing comes from the guest: its clock moves on to what is next. */
  async #skip(end: number): Promise<void> {
    const { machine, service, delivering } = this.#guest;
    if (delivering || service.pendingIsc(ANY_ISC) !== -1) return;
    if (this.#scenario.idle()) return;
    // Ever longer steps while nothing happens: a queue that is polled would cost one each time.
    const same = service.lastMs === this.#quietMs;
    this.#stepNs = same ? Math.min(this.#stepNs * 2, STEP_NS.most) : STEP_NS.least;
    this.#quietMs = service.lastMs;
    const now = machine.nowNs();
    const next = Math.min(machine.stepper.upcomingNs(), this.#scenario.nextNs(), end) - now;
    if (next < STEP_NS.least) return;
    await this.#guest.skip(Math.min(this.#stepNs, next), Math.min(5 * STEP_NS.most, next));
  }
}
