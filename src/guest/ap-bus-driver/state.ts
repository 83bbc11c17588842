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

/** What an action of the state machine waits for. Of several, the smallest number counts. */
export const SM_WAIT_AGAIN = 0;
export const SM_WAIT_HIGH = 1;
export const SM_WAIT_LOW = 2;
export const SM_WAIT_INTERRUPT = 3;
export const SM_WAIT_NONE = 4;

/** Index that says that no secret is associated. */
export const ASSOC_INVALID = 0x10000;

/** The parts of a scan, in their order. */
export const SCAN_NONE = 0;
export const SCAN_START = 1;
export const SCAN_DEFAULT_DOMAIN = 2;
export const SCAN_CARD = 3;
export const SCAN_QUEUES = 4;
export const SCAN_END = 5;
export const SCAN_PROBE = 6;

/** The parts of the work on channel reports: channel report words, then event information. */
export const REPORT_NONE = 0;
export const REPORT_WORDS = 1;
export const REPORT_EVENTS = 2;

/** One card device. */
export interface CardState {
  apid: number;
  /** GR2 of TAPQ as the scan found it. */
  infoHigh: number;
  infoLow: number;
  /** Type as which the kernel drives the card. */
  type: number;
  config: boolean;
  chkstop: boolean;
  /** Name of the bound driver; empty if there is none. */
  driver: string;
  online: boolean;
}

/**
 * The messages of one queue: a fixed number of slots, each with a request buffer in guest storage. `free` is a stack of slot numbers.
 * `waiting` (the request list) and `pending` (sent, not answered) are in order, the oldest first.
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
  /** Guest time at which the message was handed to the queue, in nanoseconds. */
  startNs: number[];
  /** How often the message was sent again. */
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
  /** Response code that led to ERROR; 0 = none. */
  lastErrorRc: number;
  /** Whether an instruction has met an asynchronous error since the last reset. */
  asyncSeen: boolean;
  /** How many messages the driver believes to be in the queue. */
  count: number;
  /** Whether the next reset has the F bit. */
  resetF: boolean;
  /** Secure-execution bind state of the last TAPQ with T=1. */
  bindState: number;
  /** Index of the associated secret, or ASSOC_INVALID. */
  association: number;
  /** Time at which interruptions were asked for; 0 = not yet. */
  irqSinceNs: number;
  /** Time at which the oldest message is given up; 0 = the timer is off. */
  timeoutNs: number;
  driver: string;
  online: boolean;
  /** Address of the bound driver's reply buffer; 0 = none. */
  replyAddress: number;
  replyBytes: number;
  /** Highest number of messages under way. */
  limit: number;
  slots: MessageSlots;
  /** Number of messages that were ever handed to the queue (sysfs request_count). */
  requests: number;
  /** Whether it was ready for messages once. Before that nobody uses it. */
  begun: boolean;
  /** Whether the workload has no more messages for this queue. */
  finished: boolean;
  statistics: QueueStatistics;
  /** Open loop: arrival times of messages that were not taken yet, the oldest first. */
  backlog: number[];
  /** What the workload remembers for this queue. */
  workload: unknown;
}

/** Guest storage of a queue's buffers. It is kept for the same APQN when the device goes away. */
export interface Area {
  apqn: number;
  address: number;
  bytes: number;
}

/** State of the whole driver. It is plain data, so that it can be saved. */
export interface ApBusState {
  kernel: KernelName;
  workload: string;
  workloadArgs: Record<string, unknown>;
  /** Highest number of messages that the workload has under way for each queue. */
  outstanding: number;
  /** Number of messages a second that arrive at this guest. 0: closed loop, in which the next message comes when a place is free. */
  ratePerSecond: number;
  arrivals: 'fixed' | 'poisson';
  /** Times of arrival instead of a rate, in nanoseconds from when a queue is ready; undefined: by the rate. */
  arrivalTimesNs: readonly number[] | undefined;
  /** APQNs that the workload runs on; undefined: all queues. */
  workloadQueues: readonly number[] | undefined;
  /** Time of the next arrival, 0 = none; time from which `arrivalTimesNs` count; queue whose turn it is; state of the generator. */
  paceNs: number;
  paceOriginNs: number;
  paceTurn: number;
  paceRandom: number;
  /** Time of the first message that NQAP accepted, and of the last reply; 0 = none yet. */
  firstMessageNs: number;
  lastReplyNs: number;
  /** Number of arrivals so far, and of those that nobody could take. */
  arrived: number;
  overrun: number;
  /** The user of a driver under test; undefined if the workload makes its own messages. */
  user: UserState | undefined;
  /** Nanoseconds without a reply after which a queue is reset. */
  requestTimeoutNs: number;
  useIrq: boolean;
  pollThread: boolean;
  /** Whether the program ends when the workload has ended on all usable queues. */
  endWhenDone: boolean;
  scanIntervalNs: number;
  highPollNs: number;
  started: boolean;
  ended: boolean;
  /** What has stopped the guest for good (a program interruption for which a kernel has no handler); empty if nothing has. */
  crashed: string;
  /** Whether AP instructions are installed. */
  apInstalled: boolean;
  /** Whether AP interruptions are in use. */
  irq: boolean;
  nibAddress: number;
  qciAddress: number;
  /** Address of the page for channel report words and CHSC; then the part of the work on them that goes on. */
  reportAddress: number;
  reportPart: number;
  /** Number of events "AP configuration changed" that were taken. */
  configEvents: number;
  /** The last QCI block; all zero without QCI. */
  qci: Uint8Array;
  maxApid: number;
  maxApqi: number;
  /** -1 = not found yet. */
  defaultDomain: number;
  /** Whether the queue drivers' modules are loaded. From then on a new device is probed at once. */
  driversLoaded: boolean;
  scans: number;
  configChanges: number;
  scanPart: number;
  scanApid: number;
  scanApqi: number;
  /** Guest time of the next scan. */
  scanNs: number;
  /** Time of the poll timer; 0 = not armed. */
  pollNs: number;
  /** Time of the earliest request timeout of any queue; 0 = none. */
  timeoutNs: number;
  /** Whether a poll of all queues is due. */
  pollDue: boolean;
  /** The running poll: its position in the poll order (-1 = none is running) and the smallest wait so far. */
  pollCursor: number;
  pollWait: number;
  /** Whether queues are to be offered new messages from the workload. */
  refillDue: boolean;
  interruptions: number;
  polls: number;
  psmidCounter: number;
  nextAddress: number;
  areas: Area[];
  cards: CardState[];
  /** Queues in order of their creation. */
  queues: QueueState[];
  /** Counts of the queues that have gone. */
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
