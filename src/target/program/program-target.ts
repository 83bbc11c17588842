// SPDX-License-Identifier: Apache-2.0
// A target that is a guest program in virtual time. It runs from a kept moment, with a scenario, to its end.
// Source: docs/design.md section 10.

import type { GuestConfig, MachineConfig } from '../../config/types.ts';
import { WAIT_NOTHING } from '../../guest/cpu.ts';
import { type DriverProgram, isDriver } from '../../guest/driver.ts';
import { Machine } from '../../host/machine/machine.ts';
import type { RunningProgram } from '../../host/machine/stepper.ts';
import { type Checkpoint, takeCheckpoint } from '../../host/state/checkpoint.ts';
import type { EventStatement } from '../../program/ast.ts';
import { ScenarioRun } from '../../scenario/scenario-run.ts';
import { type MachineWatch, watchOf } from '../../trace/machine-event.ts';
import type { Outcome } from '../outcome.ts';
import type { Seen } from '../seen.ts';
import type { ScenarioSpace, Target } from '../target.ts';
import { DriverUser } from '../user.ts';
import { allAnswers } from './answers.ts';
import { CLOSE_NS, EVENTS_NS, PER_SECOND, RECOVER_NS, START_NS } from './bounds.ts';
import { depthOf, guestOf, isBlinding, isLoopback, lastTime, queuesOf } from './configured.ts';
import type { LoadedDriver } from './driver-bundle.ts';
import { DriverHandle } from './driver-handle.ts';
import { featureCountOf, featuresOf } from './features.ts';
import { type Guard, guarded, type Thrown } from './guarded.ts';
import { HealthyHardware } from './hardware.ts';
import { refuseUnhealthy } from './health.ts';
import { DriverObserver } from './observer.ts';
import { PassingTime } from './passing-time.ts';
import { unrecovered } from './recovery.ts';
import { grownBy, SCENARIO_RUNS } from './repetition.ts';

export interface ProgramTargetOptions extends MachineWatch {
  readonly config: MachineConfig;
  readonly driver: LoadedDriver;
  /** Guest that runs it; default the first one with an mdev. */
  readonly guest?: string | undefined;
  readonly seed?: number | undefined;
  /** Nanoseconds of virtual time that a driver has to serve requests again. */
  readonly recoverNs?: number | undefined;
  /** Number of AP instructions and steps that a driver may take in a second of virtual time. */
  readonly perSecond?: number | undefined;
}

export class ProgramTarget implements Target {
  readonly space: ScenarioSpace;
  readonly featureCount: number;
  /** A run takes little time, so that one of four is repeated. */
  readonly repeatsEvery = 4;
  readonly machine: Machine;
  readonly #driver: LoadedDriver;
  readonly #contract: DriverProgram | undefined;
  readonly #programs: readonly RunningProgram[];
  readonly #scenario: ScenarioRun;
  readonly #observer: DriverObserver;
  readonly #user: DriverUser;
  readonly #hardware: HealthyHardware;
  readonly #recoverNs: number;
  readonly #handle: DriverHandle;
  readonly #time: PassingTime;
  readonly #opaque: boolean;
  #checkpoint: Checkpoint;
  #startNs = 0;
  #endNs = 0;
  #events: readonly EventStatement[] = [];
  #thrown: Thrown | undefined;

  private constructor(machine: Machine, options: ProgramTargetOptions, guest: GuestConfig) {
    this.machine = machine;
    this.#driver = options.driver;
    const { program, counters } = options.driver;
    this.#contract = isDriver(program) ? program : undefined;
    this.#recoverNs = options.recoverNs ?? RECOVER_NS;
    this.featureCount = featureCountOf(counters);
    this.#scenario = new ScenarioRun(machine, {
      user: (event) => this.#handle.act(event),
      scan: () => this.#handle.scan(),
    });
    this.#observer = new DriverObserver(machine, this.#scenario, options.perSecond ?? PER_SECOND);
    const { stepper } = machine;
    const first = stepper.programs.length;
    const vcpus = guest.args['everyVcpu'] === true ? guest.vcpus : 1;
    for (let vcpu = 0; vcpu < vcpus; vcpu++) {
      const args = { ...options.driver.args, ...guest.args, vcpu, vcpus };
      machine.start(guest.name, vcpu, guarded(program, this.#guard()), args);
    }
    this.#programs = stepper.programs.slice(first);
    const queues = queuesOf(options.config, guest);
    const depth = depthOf(options.config, queues);
    const hasUser = this.#contract !== undefined;
    this.space = { guest: guest.name, queues, depth, hasUser };
    this.#opaque = queues.some((apqn) => isLoopback(options.config, apqn));
    this.#user = new DriverUser(options.config, queues, options.seed ?? 1);
    this.#handle = new DriverHandle({
      driver: this.#contract,
      programs: this.#programs,
      user: this.#user,
      machine,
      startNs: () => this.#startNs,
      threw: (thrown) => {
        this.#thrown ??= thrown;
      },
    });
    this.#time = new PassingTime({
      machine,
      programs: this.#programs,
      scenario: this.#scenario,
      user: this.#user,
      isOver: () => this.#over,
    });
    this.#observer.begin();
    if (this.#contract !== undefined)
      this.#observer.budget.requests = () => this.#user.facts.length;
    machine.context.observer = this.#observer;
    stepper.agenda = this.#scenario;
    this.#startNs = machine.nowNs();
    machine.stepper.runPrograms(machine.nowNs() + START_NS);
    this.#checkHealth(options.config);
    this.#user.restart();
    this.#hardware = new HealthyHardware(machine);
    this.#checkpoint = takeCheckpoint(machine);
  }

  /**
   * Starts the driver on a machine of its own, and keeps the moment at which it waits for work.
   *
   * @throws ApemuError `APEMU_ERR_TARGET_…` for a driver that does not start, or serves no request of a healthy machine
   */
  static async create(options: ProgramTargetOptions): Promise<ProgramTarget> {
    const guest = guestOf(options.config, options.guest);
    const machine = await Machine.create(options.config, {
      models: allAnswers,
      ...watchOf(options),
      ...(options.seed === undefined ? {} : { seed: options.seed }),
    });
    try {
      return new ProgramTarget(machine, options, guest);
    } catch (error) {
      machine.close();
      throw error;
    }
  }

  reset(): void {
    this.#scenario.reset();
    this.#checkpoint.restore();
    this.#user.restart();
  }

  run(events: readonly EventStatement[], trace = false): Outcome {
    this.begin(events, trace);
    return this.finish();
  }

  repeat(events: readonly EventStatement[]): Outcome {
    this.reset();
    const held: Record<string, number>[] = [];
    for (;;) {
      this.begin(events);
      const outcome = this.finish(false);
      const { asleep, unrecovered: failed } = outcome;
      if (this.#over || asleep || failed.length > 0 || this.#user.closed) return outcome;
      held.push(this.#handle.held());
      // What happened before this run may still make requests fail.
      if (held.length === SCENARIO_RUNS)
        return { ...outcome, disturbedNs: 0, grown: grownBy(held) };
    }
  }

  /** Begins a scenario at the kept moment. `advance` and `finish` continue it. */
  begin(events: readonly EventStatement[], trace = false): void {
    this.#driver.counters.fill(0);
    this.#user.reset();
    this.#user.blind = events.some((event) => isBlinding(event, this.#opaque));
    this.#observer.begin(trace, () => this.#handle.place());
    this.#observer.believes = this.#handle.beliefs();
    this.#thrown = undefined;
    this.#hardware.begin();
    this.#startNs = this.machine.nowNs();
    this.#events = events;
    this.#endNs = this.#startNs + lastTime(events) + EVENTS_NS;
    this.#scenario.begin(events);
  }

  /** Lets time pass until nothing is outstanding, but not after events have ended. */
  settle(): void {
    this.#time.until(Math.max(0, this.#endNs - this.machine.nowNs()), this.#time.idle);
  }

  /** Runs the scenario to its end, tries whether the driver works again, and if it is closed, whether it gives everything back. */
  finish(closes = true): Outcome {
    const { machine } = this;
    const { fired } = this.#scenario;
    let asleep = this.#time.until(Math.max(0, this.#endNs - machine.nowNs()), this.#time.idle);
    this.#scenario.end();
    this.#observer.eventsEnd();
    asleep ||= this.#time.until(this.#recoverNs, this.#time.idle);
    this.#user.markOverdue();
    const eventsEndNs = machine.nowNs() - this.#startNs;
    const failed = asleep || this.#over ? [] : this.#recover();
    asleep ||= this.#user.open > 0 && this.#time.sleeping;
    this.#user.markOverdue();
    const leaked = !closes || this.#over || asleep ? {} : this.#close();
    const { facts: requests, strangers } = this.#user;
    this.#driver.count?.();
    return {
      requests,
      strangers,
      disturbedNs: fired.find(({ index }) => this.#events[index]?.event.kind !== 'request')?.atNs,
      instructions: this.#observer.facts,
      thrown: this.#thrown,
      storm: this.#observer.budget.storm,
      asleep,
      unrecovered: failed,
      leaked,
      fired,
      executed: this.#observer.count,
      // Virtual time costs nothing.
      cost: this.#observer.count,
      ns: machine.nowNs() - this.#startNs,
      trace: this.#observer.lines({
        requests,
        fired,
        events: this.#events,
        log: this.#handle.log(),
      }),
      places: this.#observer.places,
      eventsEndNs,
      features: featuresOf(this.#driver.counters, this.#observer.coverage),
    };
  }

  seen(): Seen {
    return this.#observer.executions.report();
  }

  places(): readonly number[] {
    const reached: number[] = [];
    const { places } = this.#driver;
    for (let n = 0; n < places.length; n++) if (places[n] !== 0) reached.push(n);
    return reached;
  }

  close(): void {
    this.machine.close();
  }

  /** Whether the program has thrown or runs wild, so that what comes after means nothing. */
  get #over(): boolean {
    return this.#thrown !== undefined || this.#observer.budget.storm !== undefined;
  }

  #guard(): Guard {
    const observer = this.#observer;
    return {
      before: () => observer.budget.mayStep(),
      after: (wait, state) => {
        observer.stepped(wait !== WAIT_NOTHING);
        this.#handle.collect(state);
      },
      threw: (thrown) => {
        this.#thrown ??= thrown;
      },
    };
  }

  /** Lets time pass with the driver at work. */
  advance(ns: number): void {
    this.#time.advance(ns);
  }

  /** Makes the hardware healthy. Then each queue must serve a request within the time it has. */
  #recover(): Outcome['unrecovered'] {
    if (this.#contract === undefined || this.#user.closed) return [];
    if (this.#hardware.restore()) this.#handle.scan();
    return unrecovered(this.space.queues, this.#recoverNs, {
      nowNs: () => this.machine.nowNs(),
      probe: (apqn) => this.#handle.probe(apqn),
      until: (ns, done) => this.#time.until(ns, done),
      wait: (ns) => this.advance(ns),
      ending: (id) => this.#user.fact(id)?.endings[0],
      isGone: (apqn) => this.#handle.isGone(apqn),
      isOver: () => this.#over,
    });
  }

  /** Closes the driver. Returns what it still holds, by name. */
  #close(): Record<string, number> {
    if (this.#contract?.close === undefined) return {};
    this.#handle.close();
    this.#time.until(CLOSE_NS, () => this.#programs.every(({ done }) => done) || this.#time.idle());
    return { ...this.#handle.held(), ...this.#observer.leftOn(this.space.queues) };
  }

  /** Refuses a driver that does not serve a healthy machine, since it cannot be fuzzed. */
  #checkHealth({ file }: MachineConfig): void {
    this.#refuseUnhealthy(file);
    if (this.#contract === undefined) return;
    for (const apqn of this.space.queues) this.#handle.probe(apqn);
    this.#time.until(this.#recoverNs, this.#time.idle);
    this.#refuseUnhealthy(file);
  }

  #refuseUnhealthy(file: string | undefined): void {
    const { facts: requests } = this.#user;
    const { storm } = this.#observer.budget;
    refuseUnhealthy(this.#driver.program.name, file, { thrown: this.#thrown, storm, requests });
  }
}
