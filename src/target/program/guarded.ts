// SPDX-License-Identifier: Apache-2.0
// A guest program whose mistakes do not leave it. If it throws, or returns something that is not an answer, this is noted, and the
// program has ended.
import { type GuestProgram, WAIT_DONE, type Wait } from '../../guest/cpu.ts';
import { StormError } from './budget.ts';

/** What a program has thrown, and where. */
export interface Thrown {
  readonly message: string;
  readonly place: string;
}

/** The first line of a stack that is not in this project's own code. */
const PLACE = /^\s*at (?:(.*?) \()?((?:file:\/\/)?[^()]+?:\d+:\d+)\)?$/;
const INNER = /(image-cpu|scenario-run|observer|faults|kernel)\.(?:ts|js)/;

/** Where an error came from: function and line, without folder and column. */
export const placeOf = (error: unknown): string => {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  for (const line of stack.split('\n')) {
    const match = PLACE.exec(line);
    if (match === null || INNER.test(line) || line.includes('node:')) continue;
    const file = match[2]
      .split(/[\\/]/)
      .at(-1)
      ?.replace(/\?[^:]*/, '');
    const [name, row] = (file ?? '').split(':');
    return match[1] === undefined ? `${name}:${row}` : `${match[1]} (${name}:${row})`;
  }
  return 'an unknown place';
};

export const thrownOf = (error: unknown): Thrown => ({
  message: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
  place: placeOf(error),
});

const describe = (value: unknown): string =>
  value instanceof Promise ? 'a promise' : typeof value === 'number' ? String(value) : typeof value;

export interface Guard {
  /** Called before and after each step. `waits` tells that the program has nothing to do now. */
  before(): boolean;
  after(wait: Wait, state: unknown): void;
  threw(thrown: Thrown): void;
}

/** Guards a program. If `before` returns false, the step is not taken, and the program has ended. */
export const guarded = (program: GuestProgram, guard: Guard): GuestProgram => ({
  name: program.name,
  init: (args) => program.init(args),
  ...(program.remember === undefined ? {} : { remember: (state) => program.remember!(state) }),
  step(cpu, state) {
    if (!guard.before()) return WAIT_DONE;
    let wait: Wait;
    try {
      wait = program.step(cpu, state);
    } catch (error) {
      if (!(error instanceof StormError)) guard.threw(thrownOf(error));
      return WAIT_DONE;
    }
    if (typeof wait !== 'number' || Number.isNaN(wait)) {
      const message = `step answered ${describe(wait)} (expected a time or a WAIT_ constant)`;
      guard.threw({ message, place: 'step' });
      return WAIT_DONE;
    }
    guard.after(wait, state);
    return wait;
  },
});
