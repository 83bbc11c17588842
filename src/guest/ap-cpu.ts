// SPDX-License-Identifier: Apache-2.0
// One CPU, with the results of its last AP instruction and the counts of all: the instruction wrappers work on this.

import { COUNTER_WORDS } from './counters.ts';
import type { Cpu } from './cpu.ts';

/**
 * One CPU and the results of its last AP instruction. It is allocated once, so that an instruction allocates nothing: a wrapper returns
 * the status word and leaves everything else here.
 */
export interface ApCpu {
  readonly cpu: Cpu;
  /** Counts by function and response code (see counters.ts); null if nothing is counted. */
  counters: Int32Array | null;
  /** Number of instructions executed through this object, repetitions included. */
  executed: number;
  /** Program-interruption code of the last instruction, 0 if it completed. */
  programInterruption: number;
  /** GR2 after TAPQ (queue information) or QACT (compatibility information). */
  infoHigh: number;
  infoLow: number;
  /** PSMID of the reply that DQAP delivered. */
  psmidHigh: number;
  psmidLow: number;
  /** Number of bytes that DQAP stored into the buffer. */
  length: number;
  /** Number of bytes of the reply that are not stored yet (GR2 after DQAP). */
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

/** The result object of a CPU, with counters of its own. It is made at the first call. */
export const apCpuOf = (cpu: Cpu): ApCpu => {
  let ap = known.get(cpu);
  if (ap === undefined) {
    ap = createApCpu(cpu, new Int32Array(COUNTER_WORDS));
    known.set(cpu, ap);
  }
  return ap;
};
