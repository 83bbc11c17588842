// SPDX-License-Identifier: Apache-2.0
// The driver at work on one CPU: its state, the machine, the tables, and indexes over the state that can be rebuilt.

import { ApemuError } from '../../errors.ts';
import type { Cpu } from '../cpu.ts';
import type { ApCpu } from '../instructions.ts';
import { apCpuOf } from '../instructions.ts';
import type { Workload } from '../workloads/workload.ts';
import { KERNELS, type KernelRow, queueHash } from './kernels.ts';
import type { ApBusState, CardState, QueueState } from './state.ts';

/** Everything an action of the driver needs. Holds nothing that is not in `state` or made from it. */
export interface Bus {
  readonly ap: ApCpu;
  readonly state: ApBusState;
  readonly kernel: KernelRow;
  readonly workload: Workload;
  /** Requests that are written here are reported; the page of the notification byte counts as written while a queue has it. */
  readonly storage: Uint8Array;
  readonly queueOf: Map<number, QueueState>;
  readonly cardOf: Map<number, CardState>;
  /** Queues in the order one poll visits them. */
  readonly pollOrder: QueueState[];
  /** Value of `ap.executed` at which the running step should end. */
  limit: number;
}

/** The step has executed what it may; what is left is done in the next step. */
export const outOfBudget = (bus: Bus): boolean => bus.ap.executed >= bus.limit;

/** Enters a queue into the poll order: by hash bucket, within a bucket the newest first. Returns its position. */
const insertByHash = (order: QueueState[], queue: QueueState): number => {
  const hash = queueHash(queue.apqn);
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (queueHash(order[middle].apqn) < hash) low = middle + 1;
    else high = middle;
  }
  order.splice(low, 0, queue);
  return low;
};

/** Enters a new queue into the bus. A running poll stays with the queue it was about to visit. */
export const addQueue = (bus: Bus, queue: QueueState): void => {
  bus.state.queues.push(queue);
  bus.queueOf.set(queue.apqn, queue);
  if (insertByHash(bus.pollOrder, queue) < bus.state.pollCursor) bus.state.pollCursor++;
};

/** Takes a queue out of the bus. */
export const dropQueue = (bus: Bus, queue: QueueState): void => {
  const position = bus.pollOrder.indexOf(queue);
  bus.pollOrder.splice(position, 1);
  if (position < bus.state.pollCursor) bus.state.pollCursor--;
  bus.state.queues.splice(bus.state.queues.indexOf(queue), 1);
  bus.queueOf.delete(queue.apqn);
};

/** Makes the working view of a state. `workloads` resolves the workload's name. */
export const createBus = (cpu: Cpu, state: ApBusState, workloads: readonly Workload[]): Bus => {
  const workload = workloads.find((candidate) => candidate.name === state.workload);
  if (workload === undefined) {
    throw new ApemuError(
      'APEMU_ERR_GUEST_WORKLOAD',
      `no workload "${state.workload}"; there are ${workloads.map((w) => w.name).join(', ')}`,
    );
  }
  const pollOrder: QueueState[] = [];
  for (const queue of state.queues) insertByHash(pollOrder, queue);
  return {
    ap: apCpuOf(cpu),
    state,
    kernel: KERNELS[state.kernel],
    workload,
    storage: cpu.reportedStorage,
    queueOf: new Map(state.queues.map((queue) => [queue.apqn, queue])),
    cardOf: new Map(state.cards.map((card) => [card.apid, card])),
    pollOrder,
    limit: 0,
  };
};

/** Stops the guest: a program interruption where the kernel has no handler for it (an oops). */
export const crash = (bus: Bus, where: string): void => {
  if (bus.state.crashed !== '') return;
  const code = bus.ap.programInterruption.toString(16).padStart(4, '0');
  bus.state.crashed = `program interruption ${code} at ${where}`;
};
