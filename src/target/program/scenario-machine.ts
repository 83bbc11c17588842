// SPDX-License-Identifier: Apache-2.0
// The machine for an AP program with events: the driver of a guest runs with its user, and lines of the program happen meanwhile.
// Source: docs/design.md sections 6 and 10.
import { MachineForPrograms } from '../../program/adapter.ts';
import type { EventStatement } from '../../program/ast.ts';
import { beginAtPlace } from '../../scenario/machine-with-events.ts';
import type { Outcome } from '../outcome.ts';
import type { ProgramTarget } from './program-target.ts';

export class ScenarioMachine extends MachineForPrograms {
  readonly #target: ProgramTarget;
  readonly #trace: boolean;

  constructor(target: ProgramTarget, trace = false) {
    super(target.machine);
    this.#target = target;
    this.#trace = trace;
  }

  scenario = (events: readonly EventStatement[], file: string): void => {
    beginAtPlace(events, file, (list) => this.#target.begin(list, this.#trace));
  };

  override advance(ns: number): void {
    this.#target.advance(ns);
  }

  override run(): void {
    this.#target.settle();
  }

  /** Runs the scenario to its end. */
  finish(): Outcome {
    return this.#target.finish();
  }
}
