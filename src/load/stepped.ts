// SPDX-License-Identifier: Apache-2.0
// A load in virtual time. It runs in one thread, and the same input gives the same figures.
// Source: docs/design.md section 4.

import type { MachineConfig } from '../config/types.ts';
import { faultOf } from '../errors.ts';
import { apCpuOf } from '../guest/ap-cpu.ts';
import { COUNTER_WORDS } from '../guest/counters.ts';
import type { GuestProgram } from '../guest/cpu.ts';
import { guestProgram, programArgs } from '../host/machine/guest-program.ts';
import { Machine } from '../host/machine/machine.ts';
import { type MachineWatch, watchOf } from '../trace/machine-event.ts';
import { messageTimes } from './counts.ts';
import { countsUntil, figuresBetween, figuresUntil, type LoadFigures } from './figures.ts';
import { distribution } from './percentiles.ts';
import type { ProgramReport } from './program-report.ts';
import { rememberAnswers } from './remember.ts';
import type { RunResult } from './result.ts';
import { type LoadSample, takeSample } from './sample.ts';
import { Series } from './series.ts';
import { StallWatch } from './stall.ts';
import { summarise } from './summary.ts';
import { deadQueues } from './verdict.ts';

/** Longest piece of virtual time, in nanoseconds, between two looks at what the user wants. */
const LOAD_SLICE_NS = 5_000_000;

/** Asked between pieces of a run. Returns true if the run is to stop. */
export type Pause = () => Promise<boolean>;

/** Wraps a guest's program in another. */
export type Around = (program: GuestProgram, guest: string) => GuestProgram;

/** A machine in virtual time whose guests make a load. */
export class SteppedLoad {
  readonly machine: Machine;

  private constructor(machine: Machine) {
    this.machine = machine;
  }

  /** Builds the machine and starts the programs of all guests. */
  static async start(
    config: MachineConfig,
    seed?: number,
    watch: MachineWatch = {},
    around: Around = (program) => program,
  ): Promise<SteppedLoad> {
    const machine = await Machine.create(config, {
      ...(seed === undefined ? {} : { seed }),
      ...watch,
      models: (models) =>
        rememberAnswers(models, (apid) => config.machine.adapters.get(apid)?.mode),
    });
    const load = new SteppedLoad(machine);
    try {
      for (const guest of config.guests) {
        if (guest.program === undefined) continue;
        apCpuOf(machine.guest(guest.name).cpu(0).cpu).counters = new Int32Array(COUNTER_WORDS);
        const program = around(await guestProgram(guest.program), guest.name);
        machine.start(guest.name, 0, program, programArgs(config, guest), guest.program);
      }
    } catch (error) {
      machine.close();
      throw error;
    }
    return load;
  }

  get nowNs(): number {
    return this.machine.nowNs();
  }

  /** Whether nothing more can happen: all programs have ended, or wait for what never comes. */
  get over(): boolean {
    const { stepper } = this.machine;
    return (
      stepper.programs.every(({ done }) => done) ||
      stepper.upcomingNs() === Number.POSITIVE_INFINITY
    );
  }

  /** Lets time pass until `timeNs`, or until all programs have ended. */
  runTo(timeNs: number): void {
    const { stepper } = this.machine;
    // A program that fails has ended. The others go on, and its report says why it failed.
    for (;;) {
      try {
        stepper.runPrograms(timeNs);
        break;
      } catch (error) {
        if (faultOf(error) !== 'guest') throw error;
      }
    }
    if (!this.over && this.nowNs < timeNs) stepper.advance(timeNs - this.nowNs, false);
  }

  /** Whether every driver has had a reply. */
  get working(): boolean {
    return this.machine.stepper.programs.every(
      ({ state, done }) => done || (messageTimes(state)?.lastReplyNs ?? 1) > 0,
    );
  }

  reports(): ProgramReport[] {
    const { machine } = this;
    return machine.stepper.programs.map((running) => ({
      guestName: machine.config.guests[running.guest - 1]?.name ?? '',
      guest: running.guest,
      vcpu: running.vcpu,
      program: running.name,
      executed: running.cpu.executed,
      done: running.done,
      failure: running.failure,
      state: running.state,
      counters: apCpuOf(running.cpu).counters ?? new Int32Array(COUNTER_WORDS),
    }));
  }

  sample(): LoadSample {
    const { image, config } = this.machine;
    return takeSample(image, config.machine.adapters.keys(), this.reports(), this.nowNs);
  }

  close(): void {
    this.machine.close();
  }
}

export interface SteppedOptions extends MachineWatch {
  readonly seed?: number;
  /** Nanoseconds of virtual time after which the run ends. */
  readonly durationNs?: number;
  /** Nanoseconds of virtual time between two samples. */
  readonly intervalNs: number;
  readonly pause: Pause;
  readonly around?: Around;
}

/** Runs a load in virtual time until it has ended or its duration has passed. */
export const runStepped = async (
  config: MachineConfig,
  options: SteppedOptions,
): Promise<RunResult> => {
  const load = await SteppedLoad.start(config, options.seed, watchOf(options), options.around);
  try {
    const startNs = load.nowNs;
    const endNs = startNs + (options.durationNs ?? Number.POSITIVE_INFINITY);
    const series = new Series(options.intervalNs);
    let last = load.sample();
    series.add(last);
    const stall = new StallWatch();
    while (!load.over && load.nowNs < endNs && !stall.stalled(last) && !(await options.pause())) {
      load.runTo(Math.min(endNs, series.nextNs, load.nowNs + LOAD_SLICE_NS));
      last = load.sample();
      series.add(last);
    }
    return {
      guests: load.reports().map((report) => ({
        ...summarise(report, config),
        load: guestLoad(last, report),
        dead: deadQueues(report),
      })),
      total: figuresUntil(last),
      latency: distribution(countsUntil(last)),
      series: series.points(),
      seconds: (load.nowNs - startNs) / 1e9,
      how: 'virtual time',
      crashes: [],
      keyCache: { hits: 0, misses: 0 },
    };
  } finally {
    load.close();
  }
};

/** The figures of one guest; undefined for programs that make no load. */
export const guestLoad = (sample: LoadSample, report: ProgramReport) =>
  sample.guests.some((row) => row.guest === report.guestName)
    ? figuresUntil(sample, report.guestName)
    : undefined;

/** Nanoseconds of virtual time after which the measurement begins even if not all drivers have begun. */
const BEGIN_MAX_NS = 60_000_000_000;
/** Longest piece of a measurement, in nanoseconds, between two looks at what the user wants. */
const MEASURE_SLICE_NS = 2_000_000;
/** For how long a load runs before it is measured, as a part of the window. */
const WARM_UP_SHARE = 0.25;
/** Nanoseconds between two looks whether the drivers have begun. */
const BEGIN_STEP_NS = 1_000_000;

export interface MeasureOptions {
  readonly seed?: number | undefined;
  readonly pause?: Pause;
  readonly around?: Around | undefined;
}

/**
 * Measures a load for `windowNs` of virtual time, after the drivers have begun and a quarter of that time has passed. Undefined if
 * `pause` stops it, since the figures of a part of the window would mean something else.
 */
export const measureStepped = async (
  config: MachineConfig,
  windowNs: number,
  { seed, pause = async () => false, around }: MeasureOptions = {},
): Promise<LoadFigures | undefined> => {
  const load = await SteppedLoad.start(config, seed, undefined, around);
  let stopped = false;
  const goesOn = async (): Promise<boolean> => {
    stopped ||= await pause();
    return !stopped;
  };
  const runTo = async (endNs: number): Promise<void> => {
    while (!load.over && load.nowNs < endNs && (await goesOn()))
      load.runTo(Math.min(endNs, load.nowNs + MEASURE_SLICE_NS));
    if (load.over && !stopped) load.runTo(endNs);
  };
  try {
    const giveUpNs = load.nowNs + BEGIN_MAX_NS;
    while (!load.working && !load.over && load.nowNs < giveUpNs && (await goesOn()))
      load.runTo(load.nowNs + BEGIN_STEP_NS);
    await runTo(load.nowNs + WARM_UP_SHARE * windowNs);
    const from = load.sample();
    await runTo(load.nowNs + windowNs);
    return stopped ? undefined : figuresBetween(from, load.sample());
  } finally {
    load.close();
  }
};
