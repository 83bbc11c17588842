// SPDX-License-Identifier: Apache-2.0
// One CPU with the results of its last AP instruction and the counts of all: what the instruction wrappers work on.

import { COUNTER_WORDS } from './counters.ts';
import type { Cpu } from './cpu.ts';

/**
 * One CPU and the results of its last AP instruction. Preallocated, so that an instruction allocates nothing: each wrapper
 * returns the status word and leaves everything else here.
 */
export interface ApCpu {
  readonly cpu: Cpu;
  /** Counts by function and response code, or null for none. See counters.ts. */
  counters: Int32Array | null;
  /** Instructions executed through this object, repetitions included. */
  executed: number;
  /** Program-interruption code of the last instruction, 0 if it completed. */
  programInterruption: number;
  /** GR2 after TAPQ (queue information) or QACT (compatibility information). */
  infoHigh: number;
  infoLow: number;
  /** PSMID of the reply DQAP delivered. */
  psmidHigh: number;
  psmidLow: number;
  /** Bytes DQAP stored into the buffer. */
  length: number;
  /** Bytes of the reply not stored yet (GR2 after DQAP). */
  residual: number;
  /** GR0 after a DQAP that did not get the whole reply: the continuation token. Both halves 0 otherwise. */
  tokenHigh: number;
  tokenLow: number;
}

/** Makes the result object of a CPU; `counters` may be a view of shared memory with COUNTER_WORDS words. */
export const createApCpu = (cpu: Cpu, counters: Int32Array | null = null): ApCpu => ({
  cpu,
  counters,
  executed: 0,
  programInterruption: 0,
  infoHigh: 0,
  infoLow: 0,
  psmidHigh: 0,
  psmidLow: 0,
  length: 0,
  residual: 0,
  tokenHigh: 0,
  tokenLow: 0,
});

const known = new WeakMap<Cpu, ApCpu>();

/** The one result object of a CPU, made at the first call, with counters of its own. */
export const apCpuOf = (cpu: Cpu): ApCpu => {
  let ap = known.get(cpu);
  if (ap === undefined) {
    ap = createApCpu(cpu, new Int32Array(COUNTER_WORDS));
    known.set(cpu, ap);
  }
  return ap;
};
