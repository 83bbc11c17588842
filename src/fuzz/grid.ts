// SPDX-License-Identifier: Apache-2.0
// The legal part of architected coverage: which functions can end in which ways in which states of a queue, and what a driver cannot
// meet.
// Source: native-like/arch/response-codes.ts (where codes occur), docs/reference/ap-architecture.md sections 2.1 and 2.4 (AD-13).
import { FUNCTION_NAMES } from '../../native-like/arch/function-numbers.ts';
import {
  AP_RESPONSE_BUSY,
  AP_RESPONSE_CHECKSTOPPED,
  AP_RESPONSE_DECONFIGURED,
  AP_RESPONSE_NORMAL,
  AP_RESPONSE_Q_FULL,
  AP_RESPONSE_Q_NOT_AVAIL,
  AP_RESPONSE_RESET_IN_PROGRESS,
  RESPONSE_CODES,
} from '../../native-like/arch/response-codes.ts';
import {
  cellOf,
  ENDINGS,
  endingOfCode,
  partsOf,
  QUEUE_STATES,
  type QueueStateName,
} from '../target/architected.ts';
import { letterOf } from './triggers.ts';

export interface GridCell {
  readonly fn: number;
  readonly code: number;
  readonly state: number;
  readonly cell: number;
}

/** The one code with which a queue in this state answers instructions that ask for its state. */
const STATE_CODES: Readonly<Partial<Record<QueueStateName, number>>> = {
  absent: AP_RESPONSE_Q_NOT_AVAIL,
  deconfigured: AP_RESPONSE_DECONFIGURED,
  checkstopped: AP_RESPONSE_CHECKSTOPPED,
  resetting: AP_RESPONSE_RESET_IN_PROGRESS,
  busy: AP_RESPONSE_BUSY,
};
const OPERATIONAL: readonly QueueStateName[] = ['empty', 'working', 'replies', 'full'];

/** Codes that need what the machines of this grid do not have: secure execution, its bindings and secrets. */
const SECURE: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0b, 0x35, 0x36]);

/** Whether a code says something other than the state of the queue, so that it cannot occur in that state. */
const contradicts = (name: string, code: number, state: QueueStateName): boolean => {
  if (name === 'DQAP' && code === AP_RESPONSE_NORMAL)
    return state === 'empty' || state === 'working';
  if (name === 'DQAP' && code === AP_RESPONSE_Q_FULL)
    return state === 'replies' || state === 'full';
  if (name === 'NQAP' && code === AP_RESPONSE_NORMAL) return state === 'full';
  return name === 'NQAP' && code === AP_RESPONSE_Q_FULL && state !== 'full';
};

const cell = (fn: number, code: number, state: QueueStateName): GridCell => {
  const number = QUEUE_STATES.indexOf(state);
  return { fn, code, state: number, cell: cellOf(fn, endingOfCode(code), number) };
};

/** Functions that drivers execute on queues: those with a letter in `generate.ts`. */
const FUNCTIONS = FUNCTION_NAMES.flatMap((name, fn) => {
  const letter = letterOf(name.toLowerCase());
  return letter === '' ? [] : [{ name, fn, letter }];
});

/** Cells that a machine without secure execution can reach. */
export const LEGAL_CELLS: readonly GridCell[] = FUNCTIONS.flatMap(({ name, fn, letter }) => {
  const cells: GridCell[] = [];
  for (const [state, code] of Object.entries(STATE_CODES))
    cells.push(cell(fn, code, state as QueueStateName));
  const stateCodes = new Set(Object.values(STATE_CODES));
  for (const { code, handled, mayOccur } of RESPONSE_CODES) {
    if (!(handled + mayOccur).includes(letter) || SECURE.has(code) || stateCodes.has(code))
      continue;
    for (const state of OPERATIONAL)
      if (!contradicts(name, code, state)) cells.push(cell(fn, code, state));
  }
  return cells;
});

/** Number of legal cells that mutations aim at. */
const AIMED_AT = 40;

/** The legal cells that were met least often. `hits` is the number of cases for each feature; cells begin at `codeFeatures`. */
export const leastMet = (hits: ReadonlyMap<number, number>, codeFeatures: number): number[] => {
  const met = (cell: number): number => hits.get(codeFeatures + cell) ?? 0;
  return LEGAL_CELLS.map(({ cell: number }) => number)
    .sort((a, b) => met(a) - met(b) || a - b)
    .slice(0, AIMED_AT);
};

/** Legal cells that no case has met. */
export const unmet = (hits: ReadonlyMap<number, number>, codeFeatures: number): number[] =>
  LEGAL_CELLS.map(({ cell: number }) => number).filter(
    (number) => !hits.has(codeFeatures + number),
  );

/** Name of a cell in words. */
export const cellName = (cell: number): string => {
  const { fn, ending, state } = partsOf(cell);
  return `${FUNCTION_NAMES[fn]} ${ENDINGS[ending]} (${QUEUE_STATES[state]})`;
};
