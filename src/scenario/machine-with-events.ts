// SPDX-License-Identifier: Apache-2.0
// The machine for an AP program with events whose guests are driven from outside, by lines or by the calls of a test.
// Source: docs/design.md sections 6, 9 and 10.
import { MistakesError } from '../config/mistakes.ts';
import { ApemuError } from '../errors.ts';
import type { Machine } from '../host/machine/machine.ts';
import { MachineForPrograms } from '../program/adapter.ts';
import type { EventStatement } from '../program/ast.ts';
import { isUserEvent } from '../program/events.ts';
import { ScenarioRun } from './scenario-run.ts';

/** Each machine has one: its events replace those of the program before. */
const runs = new WeakMap<Machine, ScenarioRun>();

const runOf = (machine: Machine): ScenarioRun => {
  let run = runs.get(machine);
  if (run === undefined) {
    run = new ScenarioRun(machine, { user: () => {}, scan: () => {} });
    runs.set(machine, run);
    machine.context.observer = run;
    machine.stepper.agenda = run;
  }
  return run;
};

/** Begins a scenario; what is wrong with it gets the place of its first line. @throws MistakesError */
export const beginAtPlace = (
  events: readonly EventStatement[],
  file: string,
  begin: (events: readonly EventStatement[]) => void,
): void => {
  try {
    begin(events);
  } catch (error) {
    if (!(error instanceof ApemuError)) throw error;
    const { code, message } = error;
    throw mistake(code, message, undefined, file, events[0]?.line ?? 1);
  }
};

const mistake = (
  code: string,
  message: string,
  expected: string | undefined,
  file: string,
  line: number,
): MistakesError =>
  new MistakesError([{ code, message, expected, place: { file, line, column: 1 } }]);

export class MachineWithEvents extends MachineForPrograms {
  scenario = (events: readonly EventStatement[], file: string): void => {
    const user = events.find(({ event }) => isUserEvent(event));
    if (user !== undefined)
      throw mistake(
        'APEMU_ERR_SCENARIO_DRIVER',
        'a user: event needs a driver that takes requests',
        'replayScenario, apemu exec or apemu fuzz --replay for such a scenario',
        file,
        user.line,
      );
    beginAtPlace(events, file, (list) => runOf(this.machine).begin(list));
  };
}
