// SPDX-License-Identifier: Apache-2.0
// Guest program: executes NQAP and DQAP on all queues as fast as possible, without a driver. It shows the throughput of loopback
// adapters.

import { MESSAGE_BYTES_MAX } from '../../../native-like/arch/limits.ts';
import { integerArg } from '../arguments.ts';
import { type GuestProgram, WAIT_DONE, WAIT_NOTHING } from '../cpu.ts';
import { type ApCpu, apCpuOf, dqap, nqap, rapq, tapq } from '../instructions.ts';
import { rc } from '../status.ts';
import {
  createSearch,
  QCI_ADDRESS,
  type Search,
  STEP_INSTRUCTIONS,
  searchQueues,
} from './discover.ts';

/** Nanoseconds of pause after a round without progress, so that a virtual clock moves on. */
const FRUITLESS_ROUND_NS = 1_000;
const REQUEST_ADDRESS = 0x3000;
const REPLY_ADDRESS = 0x13000;
const RC_RESETTING = 2;
const RC_FULL_OR_NONE = 0x10;

interface HammerQueue {
  apqn: number;
  /** Whether a reset was asked for, and whether it has been seen to be over. */
  resetSent: boolean;
  ready: boolean;
  /** Messages accepted, replies taken, and responses other than success, full and none. */
  sent: number;
  received: number;
  errors: number;
}

interface HammerState {
  bytes: number;
  /** Number of messages for each queue; endless if negative. */
  messages: number;
  search: Search;
  searched: boolean;
  queues: HammerQueue[];
  turn: number;
}

const isOver = (state: HammerState, queue: HammerQueue): boolean =>
  queue.errors > 0 || (state.messages >= 0 && queue.received >= state.messages);

const reset = (ap: ApCpu, queue: HammerQueue): void => {
  const status = queue.resetSent ? tapq(ap, queue.apqn, false) : rapq(ap, queue.apqn);
  if (queue.resetSent && rc(status) === 0) queue.ready = true;
  if (rc(status) !== 0 && rc(status) !== RC_RESETTING) queue.errors++;
  queue.resetSent = true;
};

/** Fills the queue, then takes the replies that are ready. Returns how many messages were moved. */
const exchange = (ap: ApCpu, state: HammerState, queue: HammerQueue): number => {
  const before = queue.sent + queue.received;
  for (;;) {
    if (state.messages >= 0 && queue.sent >= state.messages) break;
    const status = nqap(
      ap,
      queue.apqn,
      queue.apqn,
      queue.sent | 0,
      REQUEST_ADDRESS,
      state.bytes,
      false,
    );
    if (rc(status) !== 0) {
      if (rc(status) !== RC_FULL_OR_NONE) queue.errors++;
      break;
    }
    queue.sent++;
  }
  for (;;) {
    if (queue.received >= queue.sent) break;
    const status = dqap(ap, queue.apqn, REPLY_ADDRESS, state.bytes);
    if (rc(status) !== 0) {
      if (rc(status) !== RC_FULL_OR_NONE) queue.errors++;
      break;
    }
    if (ap.length !== state.bytes || ap.psmidHigh !== queue.apqn) queue.errors++;
    queue.received++;
  }
  return queue.sent + queue.received - before;
};

/** Arguments: `bytes` per message (default 64), `messages` per queue (default -1: endless). Needs 160 KiB of storage. */
export const hammer: GuestProgram<HammerState> = {
  name: 'hammer',

  init: (args) => ({
    bytes: integerArg('hammer', args, 'bytes', { normal: 64, low: 1, high: MESSAGE_BYTES_MAX }),
    messages: integerArg('hammer', args, 'messages', {
      normal: -1,
      low: -1,
      high: Number.MAX_SAFE_INTEGER,
    }),
    search: createSearch(),
    searched: false,
    queues: [],
    turn: 0,
  }),

  step(cpu, state) {
    const ap = apCpuOf(cpu);
    if (!state.searched) {
      if (!searchQueues(ap, state.search, QCI_ADDRESS, STEP_INSTRUCTIONS)) return WAIT_NOTHING;
      state.searched = true;
      state.queues = state.search.found.map((apqn) => ({
        apqn,
        resetSent: false,
        ready: false,
        sent: 0,
        received: 0,
        errors: 0,
      }));
    }
    const limit = ap.executed + STEP_INSTRUCTIONS;
    let moved = 0;
    let over = 0;
    for (let i = 0; i < state.queues.length && ap.executed < limit; i++) {
      const queue = state.queues[state.turn++ % state.queues.length];
      if (isOver(state, queue)) over++;
      else if (queue.ready) moved += exchange(ap, state, queue);
      else reset(ap, queue);
    }
    state.turn %= Math.max(1, state.queues.length);
    if (over === state.queues.length) return WAIT_DONE;
    return moved === 0 ? cpu.nowNs() + FRUITLESS_ROUND_NS : WAIT_NOTHING;
  },
};
