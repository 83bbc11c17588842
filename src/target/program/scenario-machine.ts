// SPDX-License-Identifier: Apache-2.0
// The machine of an AP program with events: the driver of a guest runs, its user is there, and lines of the program happen meanwhile.
// Source: docs/design.md sections 6 and 10.
import { MistakesError } from '../../config/mistakes.ts';
import { ApemuError } from '../../errors.ts';
import { MachineForPrograms } from '../../program/adapter.ts';
import type { EventStatement } from '../../program/ast.ts';
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
    try {
      this.#target.begin(events, this.#trace);
    } catch (error) {
      if (!(error instanceof ApemuError)) throw error;
      const { code, message } = error;
      const place = { file, line: events[0]?.line ?? 1, column: 1 };
      throw new MistakesError([{ code, message, expected: undefined, place }]);
    }
  };

  override advance(ns: number): void {
    this.#target.advance(ns);
  }

  override run(): void {
    this.#target.settle();
  }

  /** The scenario comes to its end. */
  finish(): Outcome {
    return this.#target.finish();
  }
}
