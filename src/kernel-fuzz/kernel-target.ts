// SPDX-License-Identifier: Apache-2.0
// A target that is a kernel under QEMU. It runs from the moment after its boot, with a scenario, to its end.
// Source: docs/design.md section 10; docs/reference/fuzzing.md sections 3 and 4.
import type { EventStatement } from '../program/ast.ts';
import { ScenarioRun } from '../scenario/scenario-run.ts';
import type { Outcome } from '../target/outcome.ts';
import {
  depthOf,
  guestOf,
  isBlinding,
  isLoopback,
  lastTime,
  queuesOf,
} from '../target/program/configured.ts';
import { featureCountOf, featuresOf } from '../target/program/features.ts';
import { HealthyHardware } from '../target/program/hardware.ts';
import { DriverObserver } from '../target/program/observer.ts';
import type { Seen } from '../target/seen.ts';
import type { ScenarioSpace, Target } from '../target/target.ts';
import { NS_PER_MS, NS_PER_SECOND } from '../units.ts';
import { asks, asksOrRefuses } from './consequences.ts';
import { GuestTime } from './guest-time.ts';
import { KernelGuest } from './kernel-guest.ts';
import { countAnew, learn } from './kernel-health.ts';
import type { KernelGuestOptions } from './kernel-launch.ts';
import { KernelRecovery } from './kernel-recovery.ts';
import { KernelUser } from './kernel-user.ts';
import { GUEST_TRIES, retry } from './retry.ts';
import { grownCaches, type SlabCounts } from './slabs.ts';
import { kernelFiles, SCAN } from './sysfs-files.ts';

export interface KernelTargetOptions extends KernelGuestOptions {
  readonly seed?: number | undefined;
}

/** Nanoseconds for which events can still happen after the last one that has a time of its own. Then the hardware is made healthy. */
const EVENTS_NS = 3 * NS_PER_SECOND;
/** How often a scenario is tried before it is said not to break a rule again. */
const TRIES = 4;
const FRESH_TRIES = 40;
const SHORTENING_MS = 20_000;
/** Number of repetitions between two counts of storage, and number of counts. */
const REPETITIONS = 4;
const STORAGE_COUNTS = 3;
export class KernelTarget implements Target {
  readonly space: ScenarioSpace;
  readonly featureCount: number;
  readonly tries = TRIES;
  readonly #options: KernelTargetOptions;
  readonly #user: KernelUser;
  #guest: KernelGuest;
  #scenario: ScenarioRun;
  #observer: DriverObserver;
  #hardware: HealthyHardware;
  readonly #opaque: boolean;
  readonly #noCounters = new Uint32Array(0);
  #startNs = 0;
  #lost: string | undefined;
  #time: GuestTime;

  private constructor(options: KernelTargetOptions, guest: KernelGuest) {
    this.#options = options;
    this.#guest = guest;
    const { config } = options;
    const name = guestOf(config, options.guest);
    const queues = queuesOf(config, name);
    this.#user = new KernelUser(guest, config, queues, options.seed ?? 1);
    this.#user.now = () => this.#now();
    this.#opaque = queues.some((apqn) => isLoopback(config, apqn));
    const [depth, files] = [depthOf(config, queues), kernelFiles(queues)];
    const { isHost } = guest;
    this.space = { guest: name.name, queues, depth, hasUser: true, isHost, files };
    this.featureCount = featureCountOf(guest.coverage?.counters ?? this.#noCounters);
    [this.#scenario, this.#observer, this.#hardware] = this.#watch();
    this.#time = this.#newTime();
  }

  /**
   * Boots the guest, and checks that every request that can be made of it is answered.
   *
   * @throws ApemuError as `KernelGuest.boot`; APEMU_ERR_TARGET_HEALTH for a request that fails on healthy hardware
   */
  static async create(options: KernelTargetOptions): Promise<KernelTarget> {
    const guest = await KernelGuest.boot(options);
    try {
      const target = new KernelTarget(options, guest);
      await target.#learn();
      return target;
    } catch (error) {
      await guest.close();
      throw error;
    }
  }

  /** The guest, as it was booted last. */
  get guest(): KernelGuest {
    return this.#guest;
  }

  async reset(): Promise<void> {
    this.#scenario.reset();
    const back = () => (this.#lost === undefined ? this.#guest.restore() : this.#bootAgain());
    await this.#retry(back, (message) => {
      this.#lost = message;
    });
  }

  async run(events: readonly EventStatement[], trace = false): Promise<Outcome> {
    this.#begin(events, trace);
    const { machine } = this.#guest;
    await this.#guest.go();
    this.#scenario.happen(machine.nowNs());
    const { fired } = this.#scenario;
    const last = lastTime(events) + EVENTS_NS;
    const user = this.#user;
    await this.#time.untilCalm(
      last,
      () => user.open === 0 && user.errands === 0 && !this.#scenario.outstanding,
    );
    this.#scenario.end();
    this.#observer.eventsEnd();
    this.#hardware.restore();
    const recovery = this.#recovery();
    const unrecovered = this.#over ? [] : await recovery.failed();
    const storm = this.#time.storm;
    const overdue = this.#time.outOfTime ? [] : user.markOverdue();
    const hanging = this.#over ? [] : overdue;
    const leaked = this.#over || user.open > 0 ? {} : await recovery.counters();
    const did = fired.map(({ index }) => events[index].event);
    const sure = did.every(asks) && !this.#over && user.open === 0;
    const miscounted = sure ? await recovery.miscounted(user.counted) : [];
    const waits = !this.#over && (user.open > 0 || user.errands > 0);
    const unkillable = waits ? await recovery.survivors() : [];
    const { complaint } = this.#guest.console;
    this.#guest.coverage?.take();
    const counters = this.#guest.coverage?.counters ?? this.#noCounters;
    const lost = this.#guest.alive ? undefined : 'QEMU has ended, or the guest was reset';
    if (lost !== undefined) this.#lost = lost;
    return {
      requests: user.facts,
      strangers: [],
      places: [],
      eventsEndNs: this.#now(),
      disturbedNs: fired.find(({ index }) => events[index]?.event.kind !== 'request')?.atNs,
      instructions: [],
      thrown: lost === undefined ? undefined : { message: lost, place: 'QEMU' },
      storm,
      asleep: false,
      unrecovered,
      neglected: recovery.neglected,
      offline: did.every(asksOrRefuses) && !this.#over ? recovery.refusing : [],
      leaked,
      complaint,
      hanging,
      miscounted,
      unkillable,
      fired,
      executed: this.#observer.count,
      // A kernel that waits takes as long as it waits, instructions or not.
      cost: Math.ceil(this.#now() / NS_PER_MS),
      ns: this.#now(),
      trace: trace ? this.#trace(fired, events) : [],
      features: featuresOf(counters, this.#observer.coverage),
    };
  }

  shortening(): () => boolean {
    const endMs = performance.now() + SHORTENING_MS;
    return () => performance.now() > endMs;
  }

  async repeat(events: readonly EventStatement[]): Promise<Outcome> {
    await this.reset();
    let outcome = await this.run(events);
    // Counting takes much of the guest's time, which only a moment in place can move on.
    if (this.#guest.level !== 'in place') return outcome;
    const counts: SlabCounts[] = [];
    while (counts.length < STORAGE_COUNTS && !this.#over) {
      for (let n = 0; n < REPETITIONS && !this.#over; n++) outcome = await this.run(events);
      counts.push(await this.#recovery().slabs());
    }
    return this.#over ? outcome : { ...outcome, grown: grownCaches(counts, REPETITIONS) };
  }

  seen(): Seen {
    return this.#observer.executions.report();
  }

  async confirm(
    events: readonly EventStatement[],
    is: (outcome: Outcome) => boolean,
    { repeated } = { repeated: false },
  ): Promise<boolean> {
    const fresh = await this.#retry(() => KernelTarget.create(this.#options));
    try {
      if (repeated) return is(await fresh.repeat(events));
      for (let n = 0; n < FRESH_TRIES; n++) {
        await fresh.reset();
        if (is(await fresh.run(events))) return true;
      }
      return false;
    } finally {
      await fresh.close();
    }
  }

  places(): readonly number[] {
    return this.#guest.coverage?.places() ?? [];
  }

  async close(): Promise<void> {
    await this.#guest.close();
  }

  #retry<Result>(action: () => Promise<Result>, failed?: (why: string) => void): Promise<Result> {
    const { log, signal } = this.#options;
    const again = (why: string): void => {
      failed?.(why);
      log?.(`${why}; booting again`);
    };
    return retry(GUEST_TRIES, action, again, signal);
  }

  #now(): number {
    return this.#guest.machine.nowNs() - this.#startNs;
  }

  /** What watches a newly booted guest. */
  #watch(): [ScenarioRun, DriverObserver, HealthyHardware] {
    const { machine, service } = this.#guest;
    const scenario = new ScenarioRun(machine, {
      user: (event) => this.#user.act(event),
      scan: () => this.#user.write(SCAN.file, SCAN.text),
    });
    const observer = new DriverObserver(machine, scenario, Number.POSITIVE_INFINITY);
    machine.context.observer = observer;
    service.onTime = () => {
      const now = machine.nowNs();
      if (scenario.nextNs() <= now) scenario.happen(now);
    };
    const hardware = new HealthyHardware(machine);
    // The scenario has reserved room for its faults, which must stay.
    this.#guest.keepMachine();
    return [scenario, observer, hardware];
  }

  async #bootAgain(): Promise<void> {
    await this.#guest.close();
    this.#guest = await KernelGuest.boot(this.#options);
    this.#user.guest = this.#guest;
    [this.#scenario, this.#observer, this.#hardware] = this.#watch();
    this.#begin([], false);
    await this.#guest.go();
    await countAnew(this.#user, this.#time);
    await this.#guest.restore();
    this.#lost = undefined;
  }

  #begin(events: readonly EventStatement[], trace: boolean): void {
    const { machine } = this.#guest;
    this.#user.reset();
    this.#user.blind = events.some((event) => isBlinding(event, this.#opaque));
    this.#observer.begin(trace);
    this.#guest.coverage?.clear();
    this.#startNs = machine.nowNs();
    this.#time = this.#newTime();
    this.#scenario.begin(events);
  }

  /** Whether the kernel or QEMU has come to an end, runs wild, or is too slow, so that what comes after means nothing. */
  get #over(): boolean {
    return (
      !this.#guest.alive ||
      this.#time.outOfTime ||
      this.#time.storm !== undefined ||
      this.#guest.console.complaint !== undefined
    );
  }

  #recovery(): KernelRecovery {
    return new KernelRecovery(this.#user, this.#time, () => this.#over);
  }

  #newTime(): GuestTime {
    return new GuestTime(this.#guest, this.#scenario, () => this.#user.facts.length);
  }

  #trace(fired: Outcome['fired'], events: readonly EventStatement[]): string[] {
    const lines = this.#observer.lines({ requests: this.#user.facts, fired, events, log: [] });
    return [...lines, ...this.#guest.console.traceLines()];
  }

  /** Learns what healthy queues answer. */
  async #learn(): Promise<void> {
    this.#begin([], false);
    await this.#guest.go();
    await learn(this.#user, this.#time);
  }
}
