// SPDX-License-Identifier: Apache-2.0
// Architected coverage: which response code or condition code ended which function, in which state of the queue; and which codes followed
// each other at one queue.
// Source: docs/design.md section 10; docs/reference/ap-architecture.md sections 2.1 and 2.4.

import { GR0_APQN } from '../../native-like/arch/function-codes.ts';
import { FUNCTION_COUNT } from '../../native-like/arch/function-numbers.ts';
import { RESPONSE_CODES } from '../../native-like/arch/response-codes.ts';
import { STATUS_EMPTY, STATUS_FULL, STATUS_REPLIES } from '../../native-like/arch/status-word.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  ATTENTION_ABSENT,
  ATTENTION_ASYNC,
  ATTENTION_BINDING,
  ATTENTION_BUSY,
  ATTENTION_CHECKSTOPPED,
  ATTENTION_DECONFIGURED,
  ATTENTION_RESET,
  Q_ATTENTION,
  Q_STATUS,
} from '../../native-like/machine/layout.ts';
import { permits } from '../../native-like/machine/mask-test.ts';

/** The states in which an instruction can find a queue, in the order in which they are tested (AD-13). */
export const QUEUE_STATES = [
  'absent',
  'async error',
  'deconfigured',
  'checkstopped',
  'resetting',
  'binding',
  'busy',
  'full',
  'replies',
  'working',
  'empty',
] as const;
export type QueueStateName = (typeof QUEUE_STATES)[number];

/** Attention bits of the states before `full`, in the same order. */
const BITS = [
  ATTENTION_ABSENT,
  ATTENTION_ASYNC,
  ATTENTION_DECONFIGURED,
  ATTENTION_CHECKSTOPPED,
  ATTENTION_RESET,
  ATTENTION_BINDING,
  ATTENTION_BUSY,
];
const FULL = 7;
const REPLIES = 8;
const WORKING = 9;
const EMPTY = 10;
const ANY_BIT = BITS.reduce((all, bit) => all | bit, 0);

/** Number of the state of the queue record at word `q`: its place in QUEUE_STATES. */
export const queueStateOf = (image: MachineImage, q: number): number => {
  const attention = image.word(q + Q_ATTENTION);
  if ((attention & ANY_BIT) !== 0) return BITS.findIndex((bit) => (attention & bit) !== 0);
  const status = image.word(q + Q_STATUS);
  if ((status & STATUS_FULL) !== 0) return FULL;
  if ((status & STATUS_REPLIES) !== 0) return REPLIES;
  return (status & STATUS_EMPTY) === 0 ? WORKING : EMPTY;
};

/** Whether a queue in this state is in plain operation and holds messages. */
export const hasMessages = (state: number): boolean => state >= FULL && state < EMPTY;

/** Record of the queue that GR0 names for a guest with the masks at word `masks`; the record of absent queues if it has no such queue. */
export const queueFor = (image: MachineImage, masks: number, gr0: number): number => {
  const apqn = gr0 & GR0_APQN;
  return permits(image, masks, apqn) ? image.queue(apqn) : image.queueRecord(0);
};

/** The ways in which an instruction can end: a response code, condition code 1 or 2 without one, or a program interruption. */
export const ENDINGS: readonly string[] = [
  ...RESPONSE_CODES.map(({ code }) => `rc ${code.toString(16).padStart(2, '0')}`),
  'other rc',
  'cc 1',
  'cc 2',
  'program interruption',
];
const OTHER = RESPONSE_CODES.length;
export const ENDING_CC1 = OTHER + 1;
export const ENDING_PROGRAM = OTHER + 3;
const ENDING_OF_CODE = new Int32Array(256).fill(OTHER);
for (const [index, { code }] of RESPONSE_CODES.entries()) ENDING_OF_CODE[code] = index;

/** Number of the ending with this response code. */
export const endingOfCode = (code: number): number => ENDING_OF_CODE[code & 0xff];

/** The response code of an ending; undefined for an ending without one. */
export const codeOfEnding = (ending: number): number | undefined => RESPONSE_CODES[ending]?.code;

/** Number of cells in the grid of functions, endings and states. */
export const CELL_COUNT = FUNCTION_COUNT * ENDINGS.length * QUEUE_STATES.length;
/** Number of pairs of endings at a queue, which are numbered by a hash. */
export const PAIR_COUNT = 1 << 14;

export const cellOf = (fn: number, ending: number, state: number): number =>
  (fn * ENDINGS.length + ending) * QUEUE_STATES.length + state;

/** Function, ending and state of a cell's number. */
export const partsOf = (cell: number): { fn: number; ending: number; state: number } => {
  const state = cell % QUEUE_STATES.length;
  const rest = (cell - state) / QUEUE_STATES.length;
  return { fn: Math.floor(rest / ENDINGS.length), ending: rest % ENDINGS.length, state };
};

/** The coverage that one case has met. */
export class ArchitectedCoverage {
  /** Cells met since the last `reset`, each once, in the order in which they were met. */
  readonly cells: number[] = [];
  readonly pairs: number[] = [];
  readonly #seen = new Uint32Array(CELL_COUNT);
  readonly #seenPairs = new Uint32Array(PAIR_COUNT);
  /** For each APQN, the number of the step that ended there last, plus 1. */
  readonly #last = new Map<number, number>();
  #run = 1;

  reset(): void {
    this.#run++;
    this.cells.length = 0;
    this.pairs.length = 0;
    this.#last.clear();
  }

  meet(fn: number, ending: number, state: number, apqn: number): void {
    const cell = cellOf(fn, ending, state);
    if (this.#seen[cell] !== this.#run) {
      this.#seen[cell] = this.#run;
      this.cells.push(cell);
    }
    const step = fn * ENDINGS.length + ending + 1;
    const pair = (Math.imul(this.#last.get(apqn) ?? 0, 0x9e3779b1) + step) & (PAIR_COUNT - 1);
    this.#last.set(apqn, step);
    if (this.#seenPairs[pair] === this.#run) return;
    this.#seenPairs[pair] = this.#run;
    this.pairs.push(pair);
  }
}
