// SPDX-License-Identifier: Apache-2.0
// Guest program: all vCPUs of a guest exchange messages, each on a queue of its own, with one notification byte and one interruption
// sub-class for all of them. The vCPU that takes an interruption looks after every queue, as Linux's tasklet does. Every message is
// accounted for, even when queues go away and come back.
// Source: docs/reference/ap-architecture.md sections 5.5 and 6.8 (what Linux ap_interrupt_handler and ap_tasklet_fn do).

import { AQIC_IR } from '../../../native-like/arch/registers.ts';
import { AP_ISC } from '../../../native-like/arch/sie.ts';
import { badArgument, flagArg, integerArg } from '../arguments.ts';
import { type Cpu, type GuestProgram, WAIT_DONE, WAIT_NOTHING } from '../cpu.ts';
import { type ApCpu, apCpuOf, aqic, rapq, tapq } from '../instructions.ts';
import { irqEnabled, rc } from '../status.ts';
import { createSearch, QCI_ADDRESS, type Search, searchQueues } from './discover.ts';
import {
  accepted,
  answered,
  counts,
  E_READY,
  ExchangeQueues,
  flushAll,
  inFlight,
  type QueueCounts,
  serviceQueue,
} from './exchange-queue.ts';

const NIB_ADDRESS = 0x4000;
/** Address of the number of queues plus 1, followed by their APQNs. */
const FOUND_ADDRESS = 0x6000;
const SEARCH_INSTRUCTIONS = 256;
/** Number of interruptions that are taken in one step, since an adapter without service time answers faster than they are taken. */
const STEP_INTERRUPTIONS = 16;
/** Nanoseconds after which a vCPU that waits looks around: the others may have finished, or the host may have reset the queue. */
const LOOK_NS = 5_000_000;
/** Nanoseconds between two polls without progress, and between two looks at a queue that is not there. */
const IDLE_NS = 20_000;
const GONE_NS = 500_000;
/** Nanoseconds within which interruptions are on after AQIC. */
const ENABLE_NS = 1_000_000_000;
/** Nanoseconds without any progress after which a reply that waits without an interruption counts as a lost wake-up. */
const LOST_NS = 2_000_000_000;

const PHASES = ['search', 'reset', 'resetting', 'enable', 'enabling', 'run'] as const;
type Phase = (typeof PHASES)[number];

export interface ExchangeState {
  readonly vcpu: number;
  readonly vcpus: number;
  /** Number of messages for each queue; a negative number means until the machine is stopped. */
  readonly messages: number;
  readonly interrupts: boolean;
  search: Search;
  apqns: number[];
  phase: Phase;
  interruptions: number;
  /** Interruptions whose notification byte another vCPU had cleared already, so that it has taken the reply. */
  quiet: number;
  /** Replies that waited although interruptions were on, none was pending and the byte was clear. */
  lostWakeups: number;
  /** Interruptions that came although this guest has none of its queues enabled any more. */
  setUps: number;
  answeredThen: number;
  progressNs: number;
  /** The counts of all queues, as this vCPU last saw them. */
  queues: QueueCounts[];
}

const queuesOf = (cpu: Cpu, state: ExchangeState): ExchangeQueues =>
  new ExchangeQueues(cpu.storage, state.apqns);

const own = (state: ExchangeState): number => state.apqns[state.vcpu];

/** vCPU 0 searches for queues and leaves the result in storage, because a queue that one vCPU resets cannot be found by the others. */
const searchAndTell = (ap: ApCpu, state: ExchangeState): number | undefined => {
  if (!searchQueues(ap, state.search, QCI_ADDRESS, SEARCH_INSTRUCTIONS)) return WAIT_NOTHING;
  state.apqns = state.search.found.slice(0, state.vcpus);
  const list = foundList(ap.cpu);
  list.set(state.apqns, 1);
  Atomics.store(list, 0, state.apqns.length + 1);
  return undefined;
};

const hear = (ap: ApCpu, state: ExchangeState): number | undefined => {
  const list = foundList(ap.cpu);
  const count = Atomics.load(list, 0) - 1;
  if (count < 0) return ap.cpu.nowNs() + IDLE_NS;
  state.apqns = [...list.subarray(1, 1 + count)];
  return undefined;
};

const foundList = ({ storage }: Cpu): Int32Array =>
  new Int32Array(storage.buffer, storage.byteOffset + FOUND_ADDRESS, 32);

/** The steps before messages can be sent. Each executes a few instructions and returns what to wait for. */
const SET_UP: Readonly<Record<Exclude<Phase, 'run'>, (ap: ApCpu, state: ExchangeState) => number>> =
  {
    search(ap, state) {
      if (state.apqns.length === 0) {
        const wait = state.vcpu === 0 ? searchAndTell(ap, state) : hear(ap, state);
        if (wait !== undefined) return wait;
      }
      if (state.vcpu >= state.apqns.length) return WAIT_DONE;
      state.phase = 'reset';
      return WAIT_NOTHING;
    },
    reset(ap, state) {
      const queues = queuesOf(ap.cpu, state);
      queues.store(state.vcpu, E_READY, 0);
      if (!queues.lock(state.vcpu)) return ap.cpu.nowNs() + IDLE_NS;
      const code = rc(rapq(ap, own(state)));
      if (code === 0) flushAll(queues, state.vcpu);
      queues.unlock(state.vcpu);
      if (code !== 0) return ap.cpu.nowNs() + GONE_NS;
      state.setUps++;
      state.phase = 'resetting';
      return WAIT_NOTHING;
    },
    resetting(ap, state) {
      const code = rc(tapq(ap, own(state), false));
      if (code !== 0) {
        if (code !== 2) state.phase = 'reset';
        return ap.cpu.nowNs() + GONE_NS;
      }
      state.phase = state.interrupts ? 'enable' : 'run';
      if (!state.interrupts) queuesOf(ap.cpu, state).store(state.vcpu, E_READY, 1);
      return WAIT_NOTHING;
    },
    enable(ap, state) {
      state.progressNs = ap.cpu.nowNs();
      const code = rc(aqic(ap, own(state), AQIC_IR, AP_ISC, NIB_ADDRESS));
      if (code === 0 || code === 7) state.phase = 'enabling';
      else if (code !== 5 && code !== 2) state.phase = 'reset';
      return code === 0 ? WAIT_NOTHING : ap.cpu.nowNs() + GONE_NS;
    },
    enabling(ap, state) {
      const status = tapq(ap, own(state), false);
      if (rc(status) !== 0) state.phase = 'reset';
      else if (irqEnabled(status)) {
        state.phase = 'run';
        queuesOf(ap.cpu, state).store(state.vcpu, E_READY, 1);
        return WAIT_NOTHING;
      }
      const now = ap.cpu.nowNs();
      // The host may have reset the queue since AQIC, which is forgotten then.
      if (now - state.progressNs > ENABLE_NS) state.phase = 'reset';
      return now + IDLE_NS;
    },
  };

/** Takes replies and sends requests on every queue that is set up. Returns how many messages were moved. */
const round = (ap: ApCpu, state: ExchangeState, queues: ExchangeQueues): number => {
  let moved = 0;
  for (let n = 0; n < state.apqns.length; n++) moved += serviceQueue(ap, queues, n, state.messages);
  return moved;
};

const finished = (state: ExchangeState, queues: ExchangeQueues): boolean => {
  if (state.messages < 0) return false;
  for (let n = 0; n < state.apqns.length; n++)
    if (answered(queues, n) < state.messages) return false;
  return true;
};

/** ap_interrupt_handler and its tasklet: clears the byte first, then looks at all queues. */
const takeInterruptions = (ap: ApCpu, state: ExchangeState, queues: ExchangeQueues): boolean => {
  const { cpu } = ap;
  let taken = 0;
  while (taken < STEP_INTERRUPTIONS && cpu.takeInterruption() !== 0) {
    taken++;
    state.interruptions++;
    if (Atomics.exchange(cpu.storage, NIB_ADDRESS, 0) === 0) state.quiet++;
    else round(ap, state, queues);
  }
  return taken > 0;
};

/**
 * Called when nothing has happened for a while. A queue that has gone or was reset is set up again; a reply that waits without an
 * interruption is counted as a lost wake-up.
 */
const lookAround = (ap: ApCpu, state: ExchangeState, queues: ExchangeQueues): void => {
  const status = tapq(ap, own(state), false);
  const off = rc(status) !== 0 || irqEnabled(status) !== state.interrupts;
  if (off || queues.load(state.vcpu, E_READY) === 0) {
    if (rc(status) !== 2) state.phase = 'reset';
    return;
  }
  const total = state.apqns.reduce((sum, _apqn, n) => sum + answered(queues, n), 0);
  const now = ap.cpu.nowNs();
  if (total !== state.answeredThen || inFlight(queues, state.vcpu) === 0) {
    state.answeredThen = total;
    state.progressNs = now;
  }
  if (accepted(queues, state.vcpu) === 0 || inFlight(queues, state.vcpu) === 0) {
    serviceQueue(ap, queues, state.vcpu, state.messages); // These are the first messages after a set-up.
  } else if (now - state.progressNs > LOST_NS) {
    if (serviceQueue(ap, queues, state.vcpu, state.messages) > 0) state.lostWakeups++;
    state.progressNs = now;
  }
};

const run = (ap: ApCpu, state: ExchangeState): number => {
  const queues = queuesOf(ap.cpu, state);
  const { cpu } = ap;
  if (state.interrupts) {
    if (!takeInterruptions(ap, state, queues)) lookAround(ap, state, queues);
  } else {
    const moved = round(ap, state, queues);
    if (queues.load(state.vcpu, E_READY) === 0) state.phase = 'reset';
    else if (moved === 0 && !finished(state, queues)) return cpu.nowNs() + IDLE_NS;
  }
  state.queues = state.apqns.map((_apqn, n) => counts(queues, n));
  if (finished(state, queues)) return WAIT_DONE;
  return state.interrupts ? cpu.nowNs() + LOOK_NS : WAIT_NOTHING;
};

const queueList = (value: unknown): number[] => {
  if (value === undefined) return [];
  const valid = (n: unknown): n is number => Number.isInteger(n) && (n as number) <= 0xffff;
  if (Array.isArray(value) && value.every(valid)) return [...value];
  throw badArgument('exchange', 'queues', 'a list of APQNs as numbers', value);
};

/**
 * Arguments: `messages` per queue (default 1000, negative: endless), `interrupts` (default true), `queues` (default: what is
 * found), `everyVcpu: true` so that each vCPU runs it. The pool adds `vcpu` and `vcpus`.
 */
export const exchange: GuestProgram<ExchangeState> = {
  name: 'exchange',

  init: (args) => ({
    vcpu: integerArg('exchange', args, 'vcpu', { normal: 0, low: 0, high: 15 }),
    vcpus: integerArg('exchange', args, 'vcpus', { normal: 1, low: 1, high: 16 }),
    messages: integerArg('exchange', args, 'messages', {
      normal: 1000,
      low: -1,
      high: 1_000_000_000,
    }),
    interrupts: flagArg('exchange', args, 'interrupts', true),
    search: createSearch(),
    apqns: queueList(args['queues']),
    phase: 'search',
    interruptions: 0,
    quiet: 0,
    lostWakeups: 0,
    setUps: 0,
    answeredThen: -1,
    progressNs: 0,
    queues: [],
  }),

  step(cpu, state) {
    const ap = apCpuOf(cpu);
    return state.phase === 'run' ? run(ap, state) : SET_UP[state.phase](ap, state);
  },
};
