// SPDX-License-Identifier: Apache-2.0
// The driver at work on one CPU: its state, the machine, the tables, and indexes that can be rebuilt from the state.

import { ApemuError } from '../../errors.ts';
import type { Cpu } from '../cpu.ts';
import type { ApCpu } from '../instructions.ts';
import { apCpuOf } from '../instructions.ts';
import type { Workload } from '../workloads/workload.ts';
import { KERNELS, type KernelRow, queueHash } from './kernels.ts';
import type { ApBusState, CardState, QueueState } from './state.ts';

/** Everything that an action of the driver needs. It holds nothing that is not in `state` or made from it. */
export interface Bus {
  readonly ap: ApCpu;
  readonly state: ApBusState;
  readonly kernel: KernelRow;
  readonly workload: Workload;
  /** What is written here is reported; while a queue has a notification byte, its page always counts as written. */
  readonly storage: Uint8Array;
  readonly queueOf: Map<number, QueueState>;
  readonly cardOf: Map<number, CardState>;
  /** Queues in the order in which one poll visits them. */
  readonly pollOrder: QueueState[];
  /** Value of `ap.executed` at which the running step is to end. */
  limit: number;
}

/** Whether the step has executed as much as it may. The rest is done in the next step. */
export const outOfBudget = (bus: Bus): boolean => bus.ap.executed >= bus.limit;

/** Inserts a queue into the poll order: by hash bucket, and within a bucket the newest first. Returns its position. */
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

/** Adds a new queue to the bus. A running poll goes on with the queue it was about to visit. */
export const addQueue = (bus: Bus, queue: QueueState): void => {
  bus.state.queues.push(queue);
  bus.queueOf.set(queue.apqn, queue);
  if (insertByHash(bus.pollOrder, queue) < bus.state.pollCursor) bus.state.pollCursor++;
};

/** Removes a queue from the bus. */
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

/** Stops the guest, because of a program interruption for which the kernel has no handler (an oops). */
export const crash = (bus: Bus, where: string): void => {
  if (bus.state.crashed !== '') return;
  const code = bus.ap.programInterruption.toString(16).padStart(4, '0');
  bus.state.crashed = `program interruption ${code} at ${where}`;
};
