// SPDX-License-Identifier: Apache-2.0
// The options of the reference AP bus driver in a configuration.

import type { KernelName } from './kernels.ts';

/** Options of the driver, all with defaults (`args` of a guest in the configuration file). */
export interface ApBusArgs {
  readonly kernel?: KernelName;
  /** Name of a workload, or the mapping `workload:` of a guest in the configuration file. */
  readonly workload?: string | Readonly<{ name: string } & Record<string, unknown>>;
  /** APQNs (APID << 8 | APQI) the workload runs on, default all queues. */
  readonly queues?: readonly number[];
  /** Highest number of messages under way for each queue; default what the queue takes. */
  readonly outstanding?: number;
  /** Open loop: messages a second, over all queues. Left out: closed loop. */
  readonly ratePerSecond?: number;
  /** Distances between the messages of an open loop, default fixed. */
  readonly arrivals?: 'fixed' | 'poisson';
  /** Open loop: messages arrive at these times, in nanoseconds from when a queue is ready, ascending. */
  readonly arrivalTimesNs?: readonly number[];
  /** Seed of Poisson arrivals, default 1. */
  readonly seed?: number;
  /** Kernel parameter useirq, default true. */
  readonly useIrq?: boolean;
  /** Bus attribute poll_thread, default false. */
  readonly pollThread?: boolean;
  /** Bus attribute config_time in seconds, 5 to 120, default 30. */
  readonly configTime?: number;
  /** Bus attribute poll_timeout in nanoseconds, default that of the kernel. */
  readonly pollTimeoutNs?: number;
  /** Seconds without a reply after which a queue is reset, default 900 as for CEX4 and later. */
  readonly requestTimeout?: number;
  /** Kernel parameter domain, default -1 (automatic). */
  readonly domain?: number;
  /** Address of the driver's buffers in guest storage, default 64 KiB. */
  readonly base?: number;
  /** Whether the program ends when the workload has ended, default true. */
  readonly endWhenDone?: boolean;
}
