// SPDX-License-Identifier: Apache-2.0
// The state of the reference AP bus driver: plain data, so that a running guest can be saved.
// Source: docs/reference/ap-architecture.md section 2.2 (states), 5.3 (cards and queues).

import type { UserState } from '../workloads/requests.ts';
import type { KernelName } from './kernels.ts';
import { createStatistics, type QueueStatistics } from './statistics.ts';

/** States of a queue's state machine (section 2.2). */
export const SM_RESET_START = 0;
export const SM_RESET_WAIT = 1;
export const SM_SETIRQ_WAIT = 2;
export const SM_IDLE = 3;
export const SM_WORKING = 4;
export const SM_QUEUE_FULL = 5;
export const SM_ASSOC_WAIT = 6;

/** Device states of a queue. */
export const DEV_UNINITIATED = 0;
export const DEV_OPERATING = 1;
export const DEV_SHUTDOWN = 2;
export const DEV_ERROR = 3;

/** What an action of the state machine waits for; the smallest of several wins. */
export const SM_WAIT_AGAIN = 0;
export const SM_WAIT_HIGH = 1;
export const SM_WAIT_LOW = 2;
export const SM_WAIT_INTERRUPT = 3;
export const SM_WAIT_NONE = 4;

/** No secret is associated. */
export const ASSOC_INVALID = 0x10000;

/** Parts of a scan, in their order. */
export const SCAN_NONE = 0;
export const SCAN_START = 1;
export const SCAN_DEFAULT_DOMAIN = 2;
export const SCAN_CARD = 3;
export const SCAN_QUEUES = 4;
export const SCAN_END = 5;
export const SCAN_PROBE = 6;

/** Parts of the work on channel reports: channel report words, then event information. */
export const REPORT_NONE = 0;
export const REPORT_WORDS = 1;
export const REPORT_EVENTS = 2;

/** One card device. */
export interface CardState {
  apid: number;
  /** TAPQ GR2 as the scan found it. */
  infoHigh: number;
  infoLow: number;
  /** Type number the kernel treats the card as. */
  type: number;
  config: boolean;
  chkstop: boolean;
  /** Bound driver, or ''. */
  driver: string;
  online: boolean;
}

/**
 * Messages of one queue: a fixed number of slots, each with a request buffer in guest storage. `free` is a stack of slot
 * numbers; `waiting` (request list) and `pending` (sent, not answered) are in order, oldest first.
 */
export interface MessageSlots {
  capacity: number;
  slotBytes: number;
  /** Guest absolute address of slot 0's request; slot n follows n * slotBytes later. */
  address: number;
  psmidHigh: number[];
  psmidLow: number[];
  length: number[];
  special: boolean[];
  /** Guest time of handing the message to the queue. */
  startNs: number[];
  /** Times the message was sent again. */
  resent: number[];
  free: number[];
  freeCount: number;
  waiting: number[];
  waitingCount: number;
  pending: number[];
  pendingCount: number;
}

/** One queue device. */
export interface QueueState {
  apqn: number;
  config: boolean;
  chkstop: boolean;
  devState: number;
  smState: number;
  /** Response code that led to ERROR, 0 for none. */
  lastErrorRc: number;
  /** An instruction has met an asynchronous error since the last reset. */
  asyncSeen: boolean;
  /** Messages the driver believes to be in the queue. */
  count: number;
  /** F bit of the next reset. */
  resetF: boolean;
  /** Secure-execution bind state of the last TAPQ with T=1. */
  bindState: number;
  /** Index of the associated secret, or ASSOC_INVALID. */
  association: number;
  /** When interruptions were asked for, 0 = not yet. */
  irqSinceNs: number;
  /** Time at which the oldest message is given up, 0 = timer off. */
  timeoutNs: number;
  driver: string;
  online: boolean;
  /** Reply buffer of the bound driver, 0 = none. */
  replyAddress: number;
  replyBytes: number;
  /** Most messages in flight. */
  limit: number;
  slots: MessageSlots;
  /** Messages ever handed to the queue (sysfs request_count). */
  requests: number;
  /** It was ready for messages once; until then nobody uses it. */
  begun: boolean;
  /** The workload has no more messages for this queue. */
  finished: boolean;
  statistics: QueueStatistics;
  /** Open loop: arrival times of messages that have not been taken yet, oldest first. */
  backlog: number[];
  /** What the workload keeps for this queue. */
  workload: unknown;
}

/** Guest storage a queue's buffers occupy; kept for the same APQN when the device goes away. */
export interface Area {
  apqn: number;
  address: number;
  bytes: number;
}

/** State of the whole driver; plain data, so that it can be saved. */
export interface ApBusState {
  kernel: KernelName;
  workload: string;
  workloadArgs: Record<string, unknown>;
  /** Messages the workload has under way per queue at most. */
  outstanding: number;
  /** Messages a second that arrive at this guest; 0: closed loop, the next message when a place is free. */
  ratePerSecond: number;
  arrivals: 'fixed' | 'poisson';
  /** Arrivals at these times instead, nanoseconds from when a queue is ready; undefined: by rate. */
  arrivalTimesNs: readonly number[] | undefined;
  /** APQNs the workload runs on; undefined: all queues. */
  workloadQueues: readonly number[] | undefined;
  /** Next arrival, 0 = none; the time `arrivalTimesNs` count from; queue whose turn it is; state of the generator. */
  paceNs: number;
  paceOriginNs: number;
  paceTurn: number;
  paceRandom: number;
  /** Times of the first message NQAP took and of the last reply, 0 = none yet. */
  firstMessageNs: number;
  lastReplyNs: number;
  /** Arrivals so far, and those nobody could take. */
  arrived: number;
  overrun: number;
  /** The user of a driver under test; undefined: the workload makes its own messages. */
  user: UserState | undefined;
  /** Time without a reply after which a queue is reset. */
  requestTimeoutNs: number;
  useIrq: boolean;
  pollThread: boolean;
  /** The program ends when the workload has ended on all usable queues. */
  endWhenDone: boolean;
  scanIntervalNs: number;
  highPollNs: number;
  started: boolean;
  ended: boolean;
  /** What stopped the guest for good (a program interruption a kernel has no handler for), or ''. */
  crashed: string;
  /** AP instructions are installed. */
  apInstalled: boolean;
  /** AP interruptions are in use. */
  irq: boolean;
  nibAddress: number;
  qciAddress: number;
  /** Page for channel report words and CHSC; which part of the work on them goes on. */
  reportAddress: number;
  reportPart: number;
  /** Events "AP configuration changed" that were taken. */
  configEvents: number;
  /** Last QCI block; all zero without QCI. */
  qci: Uint8Array;
  maxApid: number;
  maxApqi: number;
  /** -1 = not found yet. */
  defaultDomain: number;
  /** The queue drivers' modules are loaded; from then on a new device is probed at once. */
  driversLoaded: boolean;
  scans: number;
  configChanges: number;
  scanPart: number;
  scanApid: number;
  scanApqi: number;
  /** Next scan, guest time. */
  scanNs: number;
  /** The one poll timer, 0 = not armed. */
  pollNs: number;
  /** Earliest request timeout of any queue, 0 = none. */
  timeoutNs: number;
  /** A poll of all queues is due. */
  pollDue: boolean;
  /** The running poll: position in the poll order (-1 = none running) and smallest wait so far. */
  pollCursor: number;
  pollWait: number;
  /** Queues should be offered new messages from the workload. */
  refillDue: boolean;
  interruptions: number;
  polls: number;
  psmidCounter: number;
  nextAddress: number;
  areas: Area[];
  cards: CardState[];
  /** Queues in order of their creation. */
  queues: QueueState[];
  /** Counts of queues that are gone. */
  retired: QueueStatistics;
}

export const createQueue = (apqn: number): QueueState => ({
  apqn,
  config: true,
  chkstop: false,
  devState: DEV_UNINITIATED,
  smState: SM_RESET_START,
  lastErrorRc: 0,
  asyncSeen: false,
  count: 0,
  resetF: false,
  bindState: 0,
  association: ASSOC_INVALID,
  irqSinceNs: 0,
  timeoutNs: 0,
  driver: '',
  online: false,
  replyAddress: 0,
  replyBytes: 0,
  limit: 0,
  slots: {
    capacity: 0,
    slotBytes: 0,
    address: 0,
    psmidHigh: [],
    psmidLow: [],
    length: [],
    special: [],
    startNs: [],
    resent: [],
    free: [],
    freeCount: 0,
    waiting: [],
    waitingCount: 0,
    pending: [],
    pendingCount: 0,
  },
  requests: 0,
  begun: false,
  finished: false,
  statistics: createStatistics(),
  backlog: [],
  workload: null,
});
