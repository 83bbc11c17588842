// SPDX-License-Identifier: Apache-2.0
// The smallest guest programs: `idle`, which only takes interruptions, and `tapq`, which tests queues in a loop.

import { integerArg } from '../arguments.ts';
import { type GuestProgram, WAIT_DONE, WAIT_INTERRUPTION, WAIT_NOTHING } from '../cpu.ts';
import { apCpuOf, tapq } from '../instructions.ts';
import {
  createSearch,
  QCI_ADDRESS,
  type Search,
  STEP_INSTRUCTIONS,
  searchQueues,
} from './discover.ts';

interface IdleState {
  interruptions: number;
}

/** Waits for ever, takes interruptions and counts them. It never ends by itself. */
export const idle: GuestProgram<IdleState> = {
  name: 'idle',
  init: () => ({ interruptions: 0 }),
  step(cpu, state) {
    while (cpu.takeInterruption() !== 0) state.interruptions++;
    return WAIT_INTERRUPTION;
  },
};

interface TapqState {
  /** The queue to test; -1 for all that can be found. */
  apqn: number;
  /** Number of instructions that are still to be executed; endless if negative. */
  remaining: number;
  search: Search;
  searched: boolean;
  turn: number;
}

/** Arguments: `apqn` (default: every queue found), `count` of instructions (default -1: endless). */
export const tapqLoop: GuestProgram<TapqState> = {
  name: 'tapq',

  init: (args) => ({
    apqn: integerArg('tapq', args, 'apqn', { normal: -1, low: -1, high: 0xffff }),
    remaining: integerArg('tapq', args, 'count', {
      normal: -1,
      low: -1,
      high: Number.MAX_SAFE_INTEGER,
    }),
    search: createSearch(),
    searched: false,
    turn: 0,
  }),

  step(cpu, state) {
    const ap = apCpuOf(cpu);
    if (!state.searched) {
      if (state.apqn >= 0) state.search.found = [state.apqn];
      else if (!searchQueues(ap, state.search, QCI_ADDRESS, STEP_INSTRUCTIONS)) return WAIT_NOTHING;
      state.searched = true;
    }
    const { found } = state.search;
    if (found.length === 0) return WAIT_DONE;
    const count =
      state.remaining < 0 ? STEP_INSTRUCTIONS : Math.min(STEP_INSTRUCTIONS, state.remaining);
    for (let i = 0; i < count; i++) {
      tapq(ap, found[state.turn], false);
      if (++state.turn === found.length) state.turn = 0;
    }
    if (state.remaining >= 0) state.remaining -= count;
    return state.remaining === 0 ? WAIT_DONE : WAIT_NOTHING;
  },
};
