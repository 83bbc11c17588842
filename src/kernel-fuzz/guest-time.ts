// SPDX-License-Identifier: Apache-2.0
// Lets a guest run, and moves its clock on if it waits and the clock can be moved. In this way minutes of the guest take a tenth of a
// second.
// Source: docs/reference/fuzzing.md section 3 (time).
import { ANY_ISC } from '../qemu/cpu-registers.ts';
import type { ScenarioRun } from '../scenario/scenario-run.ts';
import { NS_PER_MS, NS_PER_SECOND } from '../units.ts';
import type { KernelGuest } from './kernel-guest.ts';

/** Milliseconds of the computer's time for one case. */
const WALL_MS = 60_000;
/** Milliseconds after which the clock of a guest that does nothing is moved on. */
const GUEST_QUIET_MS = 1.5;
/** Nanoseconds of the steps in which the guest's clock is moved. Longer steps would starve its kernel. */
const STEP_NS = { least: 0.5 * NS_PER_MS, most: NS_PER_SECOND } as const;
/**
 * Number of NQAPs that one case may take: some for the kernel's own requests, and some for each request of the user, which is sent ten
 * times at most.
 */
const NQAPS = { own: 200, request: 20 } as const;

/**
 * Nanoseconds in which who sends again and again has sent something, and for which that is watched at most. On a busy computer a storm has few
 * messages in each second.
 */
const SENDING_NS = { look: 0.5 * NS_PER_SECOND, most: 60 * NS_PER_SECOND } as const;

export class GuestTime {
  readonly #guest: KernelGuest;
  readonly #scenario: ScenarioRun;
  readonly #requests: () => number;
  readonly #startMs = performance.now();
  /**
   * Whether the computer was too slow to give the guest the time it should have had, so that it means nothing what the guest has not done
   * by now.
   */
  outOfTime = false;
  #quietMs = 0;
  #stepNs: number = STEP_NS.least;

  /** Begins a case. `requests` is the number that its user has made. */
  constructor(guest: KernelGuest, scenario: ScenarioRun, requests: () => number) {
    this.#guest = guest;
    this.#scenario = scenario;
    this.#requests = requests;
  }

  /** What is said of a kernel that goes on sending messages without end. The exact number is left out, since it differs from run to run. */
  get storm(): string | undefined {
    const most = NQAPS.own + NQAPS.request * this.#requests();
    const storms = this.#guest.service.nqaps > most;
    return storms ? 'many more NQAPs than its users have made requests' : undefined;
  }

  /** Lets the guest run until `done`, but not for more than `ns` of its time, and not after it has ended or runs wild. */
  async until(ns: number, done: () => boolean): Promise<void> {
    const { machine, service, agent } = this.#guest;
    const end = machine.nowNs() + ns;
    while (!done() && this.#guest.alive && this.storm === undefined) {
      this.outOfTime ||= performance.now() - this.#startMs > WALL_MS;
      if (machine.nowNs() >= end || this.outOfTime) return;
      const { calls } = agent;
      await new Promise((resolve) => setTimeout(resolve, GUEST_QUIET_MS));
      const quiet = performance.now() - service.lastMs >= GUEST_QUIET_MS && agent.calls === calls;
      if (quiet && !done()) await this.#skip(end);
    }
  }

  /** As `until`, and on for as long as queues take messages, so that it is seen whether that comes to an end. */
  async untilCalm(ns: number, done: () => boolean): Promise<void> {
    const { machine, service } = this.#guest;
    await this.until(ns, done);
    const end = machine.nowNs() + SENDING_NS.most;
    for (let before = -1; service.messages > before && machine.nowNs() < end; ) {
      before = service.messages;
      await this.until(SENDING_NS.look, done);
    }
  }

  /** Moves the guest's clock on to what comes next, because nothing comes from the guest. */
  async #skip(end: number): Promise<void> {
    const { machine, service, delivering } = this.#guest;
    if (delivering || service.pendingIsc(ANY_ISC) !== -1) return;
    if (this.#scenario.idle()) return;
    // The steps get longer while nothing happens, since a queue that is polled would take a step for each poll.
    const same = service.lastMs === this.#quietMs;
    this.#stepNs = same ? Math.min(this.#stepNs * 2, STEP_NS.most) : STEP_NS.least;
    this.#quietMs = service.lastMs;
    const now = machine.nowNs();
    const next = Math.min(machine.stepper.upcomingNs(), this.#scenario.nextNs(), end) - now;
    if (next < STEP_NS.least) return;
    await this.#guest.skip(Math.min(this.#stepNs, next), Math.min(5 * STEP_NS.most, next));
  }
}
