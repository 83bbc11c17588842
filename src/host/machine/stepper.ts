// SPDX-License-Identifier: Apache-2.0
// Stepped mode: one thread and virtual time. Everything happens in the order of its time.
// Source: docs/design.md section 4.
import type { MachineImage } from '../../../native-like/machine/image.ts';
import { ApemuError } from '../../errors.ts';
import { copierOf } from '../../guest/clone.ts';
import { type GuestProgram, WAIT_DONE, WAIT_INTERRUPTION } from '../../guest/cpu.ts';
import { enabledMask, machineCheckDue, pendingMask } from '../../kvm/interruptions.ts';
import type { AdapterService } from '../../lpar/adapter-service.ts';
import { Timers } from '../../lpar/clock.ts';
import { type PutBack, rememberList, together } from '../../lpar/remember.ts';
import type { ImageCpu } from '../context/image-cpu.ts';
import { notPlainState, stepProgram } from './guest-program.ts';
import { timeNs } from './times.ts';

/** Virtual nanoseconds that one AP instruction takes a guest program. A choice, of the order of magnitude of a real one. */
export const INSTRUCTION_NS = 1_000;

/** Virtual time after which `settle` gives up. No reset, request or injected delay is meant to take that long. */
const SETTLE_LIMIT_NS = 3_600_000_000_000;

const endless = (): ApemuError =>
  new ApemuError(
    'APEMU_ERR_CLOCK_ENDLESS',
    'the machine did not come to rest in an hour of virtual time: something polls for ever (expected after a fault that never ends)',
  );

/** A guest program on a vCPU. Plain data, except for the program and its CPU. */
export interface RunningProgram {
  readonly guest: number;
  readonly vcpu: number;
  /** The name by which the configuration names the program. */
  readonly name: string;
  readonly program: GuestProgram;
  readonly cpu: ImageCpu;
  state: unknown;
  /** Time of its next step; Infinity while it waits for an interruption. */
  nextNs: number;
  /** Time at which the instructions of its last step are over; no interruption is taken before. */
  readyNs: number;
  done: boolean;
  /** Message of what the program threw, if that has ended it. */
  failure?: string | undefined;
}

/**
 * Returns a function that makes copies of a program's present state.
 *
 * @throws ApemuError `APEMU_ERR_SNAPSHOT_PROGRAM` for a state that is not plain data
 */
const stateCopier = (program: string, state: unknown): (() => unknown) => {
  try {
    return copierOf(state);
  } catch (cause) {
    throw notPlainState(program, state, cause);
  }
};

/** Remembers the state of a program as it is now. A program with a `remember` of its own does it itself. */
const rememberState = (running: RunningProgram): PutBack => {
  const { name, program, state } = running;
  const putBack = program.remember?.(state);
  if (putBack !== undefined) return putBack;
  const copyState = stateCopier(name, state);
  return () => {
    running.state = copyState();
  };
};

/** Things to be done at certain times that come from outside the machine: the events of a scenario. */
export interface Agenda {
  /** Time at which the next thing is to be done; Infinity if there is none. */
  nextNs(): number;
  /** Called when the time of `nextNs` has come. */
  happen(nowNs: number): void;
  /**
   * Called when every program waits and the clock is about to move. Returns true if it did something, so that the next time has to be
   * found anew.
   */
  idle(): boolean;
}

export class Stepper {
  readonly timers = new Timers();
  readonly programs: RunningProgram[] = [];
  agenda: Agenda | undefined;
  readonly #image: MachineImage;
  readonly #service: AdapterService;
  readonly #served: () => void;

  /** `served` is called when the adapters have been served because time has passed. */
  constructor(image: MachineImage, service: AdapterService, served: () => void) {
    this.#image = image;
    this.#service = service;
    this.#served = served;
  }

  nowNs(): number {
    return this.timers.nowNs();
  }

  /** Remembers time, timers, and programs with a copy of their state; calling the result puts them back. */
  remember(): PutBack {
    const timers = this.timers.remember();
    const list = rememberList(this.programs);
    const programs = this.programs.map((running) => {
      const { nextNs, readyNs, done, failure } = running;
      const putBack = rememberState(running);
      return () => {
        Object.assign(running, { nextNs, readyNs, done, failure });
        putBack();
      };
    });
    return together(timers, list, ...programs);
  }

  /** Sets the clock to a saved time. */
  restoreTime(nowNs: number): void {
    this.#setTime(nowNs);
  }

  /** Time of the next thing that happens, steps of guest programs included; Infinity if nothing will. */
  upcomingNs(): number {
    return this.#next(true);
  }

  /** Pending interruptions for which the programs of their guests are enabled, as a mask of sub-classes. */
  get pending(): number {
    let pending = 0;
    for (const { guest, cpu, done } of this.programs)
      if (!done) pending |= pendingMask(this.#image, guest) & enabledMask(this.#image, cpu.block);
    return pending;
  }

  /**
   * Lets `ns` nanoseconds of virtual time pass, and does all that is due in them. Programs run if `withPrograms`, the agenda if
   * `withAgenda`.
   */
  advance(ns: number, withPrograms = true, withAgenda = withPrograms): void {
    const end = this.nowNs() + timeNs(ns, 'advance');
    for (;;) {
      const next = this.#upcoming(withPrograms, withAgenda);
      if (next > end) break;
      this.#happen(next, withPrograms, withAgenda);
    }
    this.#setTime(end);
  }

  /**
   * Lets time pass until nothing one-off is outstanding: no reset, AQIC change, message in service, or one-off timer.
   *
   * @throws ApemuError `APEMU_ERR_CLOCK_ENDLESS` if the host polls for ever, as Linux does for interruptions it does not get
   */
  settle(): void {
    const limit = this.nowNs() + SETTLE_LIMIT_NS;
    for (let next = this.#oneOff(); next !== Number.POSITIVE_INFINITY; next = this.#oneOff()) {
      if (next > limit) throw endless();
      this.#setTime(Math.max(next, this.nowNs()));
      this.#service.serve();
      this.#served();
    }
  }

  /** Does the next thing that happens, steps of guest programs included. Returns false if nothing happens until `deadlineNs`. */
  once(deadlineNs: number): boolean {
    const next = this.#upcoming(true);
    if (next > deadlineNs || next === Number.POSITIVE_INFINITY) return false;
    this.#happen(next, true);
    return true;
  }

  /** Runs guest programs until all have ended, `deadlineNs` has come, or nothing can happen any more. */
  runPrograms(deadlineNs = Number.POSITIVE_INFINITY): void {
    while (this.programs.some((running) => !running.done)) {
      const next = this.#upcoming(true);
      if (next > deadlineNs || next === Number.POSITIVE_INFINITY) break;
      this.#happen(next, true);
    }
  }

  #oneOff(): number {
    return Math.min(this.#service.serve(), this.timers.next(false));
  }

  #next(withPrograms: boolean, withAgenda = withPrograms): number {
    let next = Math.min(this.#service.serve(), this.timers.next());
    if (withAgenda && this.agenda !== undefined) next = Math.min(next, this.agenda.nextNs());
    if (!withPrograms) return next;
    for (const running of this.programs) next = Math.min(next, this.#nextStep(running));
    return next;
  }

  /** As `#next`. If time would pass until then, the agenda is first told that everything is idle. */
  #upcoming(withPrograms: boolean, withAgenda = withPrograms): number {
    const next = this.#next(withPrograms, withAgenda);
    const { agenda } = this;
    if (agenda === undefined || !withAgenda || next <= this.nowNs()) return next;
    return agenda.idle() ? this.#next(withPrograms, withAgenda) : next;
  }

  #nextStep(running: RunningProgram): number {
    if (running.done) return Number.POSITIVE_INFINITY;
    const { cpu } = running;
    const pending = pendingMask(this.#image, running.guest) & enabledMask(this.#image, cpu.block);
    const due = pending !== 0 || machineCheckDue(this.#image, cpu.block);
    return due ? Math.min(running.nextNs, running.readyNs) : running.nextNs;
  }

  #happen(timeNs: number, withPrograms: boolean, withAgenda = withPrograms): void {
    const now = Math.max(timeNs, this.nowNs());
    this.#setTime(now);
    this.#service.serve();
    this.#served();
    if (withAgenda && this.agenda !== undefined && this.agenda.nextNs() <= now)
      this.agenda.happen(now);
    if (!withPrograms) return;
    for (const running of this.programs)
      if (this.#nextStep(running) <= now) this.#step(running, now);
  }

  #step(running: RunningProgram, now: number): void {
    const before = running.cpu.executed;
    const wait = this.#stepProgram(running);
    running.readyNs = now + Math.max(1, running.cpu.executed - before) * INSTRUCTION_NS;
    if (wait === WAIT_DONE) running.done = true;
    if (wait === WAIT_INTERRUPTION) running.nextNs = Number.POSITIVE_INFINITY;
    else running.nextNs = Math.max(running.readyNs, wait);
  }

  /**
   * Executes a step of a program. If it throws, the program has ended, and the machine can go on.
   *
   * @throws ApemuError `APEMU_ERR_GUEST_FAILED`
   */
  #stepProgram(running: RunningProgram): number {
    try {
      return stepProgram(running.name, running.program, running.cpu, running.state);
    } catch (error) {
      running.done = true;
      running.failure = (error as Error).message;
      throw error;
    }
  }

  #setTime(timeNs: number): void {
    this.#image.setClock(0, timeNs);
    this.timers.moveTo(timeNs);
  }
}
