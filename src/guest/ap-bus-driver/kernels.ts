// SPDX-License-Identifier: Apache-2.0
// The differences between the kernels whose AP bus this driver follows, and the constants that they share.
// Source: docs/reference/ap-architecture.md sections 5.1 and 9, docs/reference/messages.md sections 3.5 and 7.1;
// test/golden/linux-guest (RAPQ at the creation of a queue, T bit of the reset wait).
import { TYPE_CEX2A, TYPE_CEX4 } from '../../../native-like/arch/adapter-types.ts';

export type KernelName = '6.1' | '6.12';

export interface KernelRow {
  readonly name: KernelName;
  /** The scan itself resets a queue it has just created, whether a driver is bound or not. */
  readonly resetAtCreation: boolean;
  /** The reset wait asks for the facilities too (TAPQ with T=1) and learns the bind state from it. */
  readonly resetWaitWithT: boolean;
  /** The reset wait reads a reply (DQAP) when messages are counted in flight; RC 10 is an error there. */
  readonly resetWaitReads: boolean;
  /** Status bit A is known: an asynchronous error ends the state machine's work without an error state. */
  readonly asyncBit: boolean;
  /** Secure-execution bind and associate functions exist. */
  readonly secureBind: boolean;
  /** Highest number of messages under way, less qd (which is the depth less 1) of TAPQ. */
  readonly inFlightOverQd: 0 | 1;
  /** Nanoseconds of the low-rate poll. 6.1 has only one rate. */
  readonly lowPollNs: number;
  /** Nanoseconds of the high-rate poll: the bus attribute poll_timeout. */
  readonly highPollNs: number;
  /** Lowest type number that gets a card. */
  readonly lowestType: number;
  /** Bits of TAPQ's GR2 with which, if they change, the scan replaces a card. */
  readonly identityHigh: number;
  readonly identityLow: number;
  /** Whether the bus attribute `features` exists. */
  readonly hasFeatures: boolean;
}

export const KERNELS: Readonly<Record<KernelName, KernelRow>> = {
  '6.1': {
    name: '6.1',
    resetAtCreation: false,
    resetWaitWithT: false,
    resetWaitReads: true,
    asyncBit: false,
    secureBind: false,
    inFlightOverQd: 0,
    lowPollNs: 250_000,
    highPollNs: 250_000,
    lowestType: TYPE_CEX2A,
    identityHigh: 0xffffffff | 0,
    identityLow: 0xff000000 | 0,
    hasFeatures: false,
  },
  '6.12': {
    name: '6.12',
    resetAtCreation: true,
    resetWaitWithT: true,
    resetWaitReads: false,
    asyncBit: true,
    secureBind: true,
    inFlightOverQd: 1,
    lowPollNs: 40_000_000,
    highPollNs: 250_000,
    lowestType: TYPE_CEX4,
    identityHigh: 0xffff0000 | 0,
    identityLow: 0xffff0f0f | 0,
    hasFeatures: true,
  },
};

/** Nanoseconds between two scans: the bus attribute config_time. */
export const SCAN_INTERVAL_NS = 30_000_000_000;
/** Nanoseconds without a reply after which a queue is reset (CEX4 and later). */
export const REQUEST_TIMEOUT_NS = 900_000_000_000;
/** Nanoseconds after which interruptions that were enabled and do not show are given up. A choice, much longer than AQIC takes. */
export const IRQ_WAIT_NS = 1_000_000_000;
/**
 * Nanoseconds between two turns of the poll thread. Linux runs it whenever it is scheduled; a fixed small time keeps a virtual clock
 * moving.
 */
export const POLL_THREAD_NS = 1_000;

const QUEUE_HASH_MULTIPLIER = 0x61c88647;

/**
 * Bucket of a queue in the bus's hash table of queues, 0-255: the order in which one poll visits them. The kernel's
 * multiplicative hash, upper eight bits; confirmed by the order of polls in test/golden/linux-guest.
 */
export const queueHash = (apqn: number): number => Math.imul(apqn, QUEUE_HASH_MULTIPLIER) >>> 24;
