// SPDX-License-Identifier: Apache-2.0
// Lets virtual time pass for a driver under test, until nothing is outstanding, or until nothing can happen any more.
import type { Machine } from '../../host/machine/machine.ts';
import type { RunningProgram } from '../../host/machine/stepper.ts';
import type { ScenarioRun } from '../../scenario/scenario-run.ts';
import type { DriverUser } from '../user.ts';

export interface PassingTimeOptions {
  readonly machine: Machine;
  readonly programs: readonly RunningProgram[];
  readonly scenario: ScenarioRun;
  readonly user: DriverUser;
  /** Whether the program has thrown or runs wild, so that what comes after means nothing. */
  readonly isOver: () => boolean;
}

export class PassingTime {
  readonly #options: PassingTimeOptions;

  constructor(options: PassingTimeOptions) {
    this.#options = options;
  }

  /** Whether nothing is outstanding: no event with a time of its own, no request, and nothing the driver wants to do now. */
  readonly idle = (): boolean => {
    const { user, scenario, machine, programs } = this.#options;
    if (user.open > 0 || scenario.outstanding) return false;
    const now = machine.nowNs();
    return programs.every(({ done, nextNs }) => done || nextNs > now);
  };

  /** Whether every program that has not ended sleeps until an interruption that nothing will cause. */
  get sleeping(): boolean {
    const { programs, machine } = this.#options;
    const { stepper, context } = machine;
    return (
      programs.some(({ done }) => !done) &&
      programs.every(({ done, nextNs }) => done || nextNs === Number.POSITIVE_INFINITY) &&
      stepper.pending === 0 &&
      context.service.serve() === Number.POSITIVE_INFINITY
    );
  }

  /** Lets time pass until `done`, but not more than `ns` nanoseconds. Returns true if everything sleeps for ever with work outstanding. */
  until(ns: number, done: () => boolean): boolean {
    const { machine, user, scenario, isOver } = this.#options;
    const deadline = machine.nowNs() + ns;
    while (!isOver() && !done()) {
      if (user.open > 0 && !scenario.outstanding && this.sleeping) return true;
      if (!machine.stepper.once(deadline)) return false;
    }
    return false;
  }

  /** Lets time pass with the driver at work. */
  advance(ns: number): void {
    const { machine, isOver } = this.#options;
    const end = machine.nowNs() + ns;
    this.until(ns, () => false);
    if (!isOver()) machine.stepper.advance(Math.max(0, end - machine.nowNs()));
  }
}
