// SPDX-License-Identifier: Apache-2.0
// The built-in guest programs and workloads by name (`program:` and `workload:` of a configuration file).

import { createApBusDriver } from './ap-bus-driver/driver.ts';
import { exchange } from './built-in/exchange.ts';
import { hammer } from './built-in/hammer.ts';
import { idle, tapqLoop } from './built-in/simple.ts';
import type { GuestProgram } from './cpu.ts';
import { cardWorkloads } from './workloads/cards.ts';
import { loopback } from './workloads/loopback.ts';
import type { Workload } from './workloads/workload.ts';

/** Workloads of the built-in driver. */
export const WORKLOADS: readonly Workload[] = [loopback, ...cardWorkloads];

/** The reference AP bus driver with the built-in workloads. */
export const apBus = createApBusDriver(WORKLOADS);

/** One built-in program, and what it is for. */
export interface ProgramRow {
  readonly program: GuestProgram;
  readonly meaning: string;
}

export const PROGRAMS: readonly ProgramRow[] = [
  { program: apBus, meaning: 'the reference AP bus driver, as Linux 6.1 or 6.12, with a workload' },
  { program: idle, meaning: 'takes interruptions and does nothing else' },
  {
    program: hammer,
    meaning: 'NQAP and DQAP on all queues as fast as they go (loopback adapters)',
  },
  {
    program: exchange,
    meaning: 'one queue a vCPU, one notification byte for all; every message accounted for',
  },
  { program: tapqLoop, meaning: 'TAPQ on one or all queues in a loop' },
];

/** The built-in program with this name, or undefined. */
export const builtInProgram = (name: string): GuestProgram | undefined =>
  PROGRAMS.find((row) => row.program.name === name)?.program;
