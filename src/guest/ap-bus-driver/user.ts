// SPDX-License-Identifier: Apache-2.0
// The reference AP bus driver as a driver under test: requests of its user go to queues, which are chosen as zcrypt does.
// Source: docs/reference/ap-architecture.md section 5.6 (a queue that is online and whose card is; the least loaded one).

import type { GuestProgram } from '../cpu.ts';
import type { DriverProgram, DriverRequest, QueueBelief } from '../driver.ts';
import {
  createUserState,
  failRequest,
  requestsWorkload,
  type UserRequest,
  type UserState,
} from '../workloads/requests.ts';
import type { Workload } from '../workloads/workload.ts';
import type { Bus } from './bus.ts';
import { removeCard } from './devices.ts';
import {
  type ApBusState,
  DEV_OPERATING,
  type QueueState,
  SM_QUEUE_FULL,
  SM_RESET_START,
  SM_RESET_WAIT,
} from './state.ts';

/** Whether a queue takes messages, now or when its reset has ended. */
const usable = (queue: QueueState): boolean =>
  queue.begun &&
  queue.driver !== '' &&
  queue.online &&
  queue.config &&
  !queue.chkstop &&
  queue.devState === DEV_OPERATING;

/** Number of places of a queue that are taken. */
const inUse = ({ slots }: QueueState): number => slots.capacity - slots.freeCount;

const loadOf = (user: UserState, queue: QueueState): number =>
  inUse(queue) + (user.todo[queue.apqn]?.length ?? 0);

/** The queue for a request: the one that it names, or else the least loaded one. */
const chooseQueue = (bus: Bus, user: UserState, request: UserRequest): QueueState | undefined => {
  let best: QueueState | undefined;
  for (const queue of bus.state.queues) {
    if (!usable(queue)) continue;
    if (request.apqn !== undefined && request.apqn !== queue.apqn) continue;
    if (best === undefined || loadOf(user, queue) < loadOf(user, best)) best = queue;
  }
  return best;
};

/** Takes back the requests that were given to queues which do not take messages any more, so that they wait again. */
const takeBack = (bus: Bus, user: UserState): void => {
  for (const apqn of Object.keys(user.todo).map(Number)) {
    const queue = bus.queueOf.get(apqn);
    if (queue !== undefined && usable(queue)) continue;
    user.waiting.push(...(user.todo[apqn] as UserRequest[]));
    delete user.todo[apqn];
  }
};

const closeBus = (bus: Bus, user: UserState): void => {
  for (const card of [...bus.state.cards]) removeCard(bus, card);
  takeBack(bus, user);
  for (const request of user.waiting.splice(0)) failRequest(user, request, 'ECANCELED');
};

/** Gives waiting requests to queues. A request that no queue can take ends with ENODEV. */
export const serveUser = (bus: Bus, user: UserState): void => {
  if (user.closed) {
    closeBus(bus, user);
    return;
  }
  takeBack(bus, user);
  for (const request of user.waiting.splice(0)) {
    const queue = chooseQueue(bus, user, request);
    if (queue === undefined) {
      failRequest(user, request, 'ENODEV');
      continue;
    }
    const { apqn } = queue;
    user.todo[apqn] ??= [];
    user.todo[apqn].push(request);
    queue.finished = false;
    bus.state.refillDue = true;
  }
};

const outstanding = ({ waiting, todo, sent }: UserState): number =>
  waiting.length +
  Object.values(todo).reduce((sum, list) => sum + list.length, 0) +
  Object.keys(sent).length;

const beliefOf = (queue: QueueState | undefined): QueueBelief => {
  if (queue === undefined || !queue.config || queue.chkstop) return 'gone';
  if (queue.smState === SM_RESET_START || queue.smState === SM_RESET_WAIT) return 'reset';
  return queue.smState === SM_QUEUE_FULL ? 'full' : 'ready';
};

const userOf = (state: ApBusState): UserState => state.user as UserState;

/** The reference driver with the contract of a driver under test. `create` makes the driver with a set of workloads. */
export const underTest = (
  create: (workloads: readonly Workload[]) => GuestProgram<ApBusState>,
): DriverProgram<ApBusState> => {
  const driver = create([requestsWorkload]);
  return {
    name: driver.name,
    init: (args) => {
      const user = createUserState();
      const state = driver.init({
        outstanding: 32,
        ...args,
        workload: { name: 'requests', user },
        endWhenDone: false,
      });
      state.user = user;
      return state;
    },
    step: driver.step,
    submit: (_cpu, state, request: DriverRequest) => {
      const user = userOf(state);
      if (user.closed || state.ended) failRequest(user, request, 'ENODEV');
      else user.waiting.push({ ...request, tries: 0 });
    },
    endings: (state) => userOf(state).ended.splice(0),
    close: (_cpu, state) => {
      userOf(state).closed = true;
    },
    scan: (_cpu, state) => {
      state.scanNs = 0;
    },
    resources: (state) => ({
      requests: outstanding(userOf(state)),
      queues: state.queues.length,
      cards: state.cards.length,
      'message slots': state.queues.reduce((sum, queue) => sum + inUse(queue), 0),
    }),
    believes: (state, apqn) => beliefOf(state.queues.find((queue) => queue.apqn === apqn)),
  };
};
