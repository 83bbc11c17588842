// SPDX-License-Identifier: Apache-2.0
// A trace of the instructions a thread executes: one record each in the thread's ring. Only machines laid out with trace records may
// use it; others execute through `execute` and `executeShared`, which know nothing of it.
// Source: docs/reference/performance.md section 3 (trace region), section 4 rule 4 (chosen by the caller, not tested per instruction).

import { RRE_R1 } from '../arch/instructions.ts';
import { V_EXIT, V_GR, V_PSW_MASK_HIGH } from '../machine/layout.ts';
import { EXECUTE_INTERCEPT, EXECUTE_PROGRAM } from '../machine/outcome.ts';
import {
  R_ENDED,
  R_GR0,
  R_GR1,
  R_INSTRUCTION,
  R_PSMID_HIGH,
  R_PSMID_LOW,
  R_PSW,
  R_TIME,
  R_VCPU,
  TRACE_WORDS,
} from '../machine/trace-layout.ts';
import { execute } from './execute.ts';
import { executeShared } from './shared.ts';
import { CLOCK, F64, I32, TRACE, TRACE_LAST, TRACED } from './views.ts';

/** Writes a record of `instruction`, with GR0 as it was before and everything else as it is now. Returns `ended`. */
export const trace = (v: number, instruction: number, gr0: number, ended: number): number => {
  const count = I32[TRACED];
  const at = (TRACE + (count & TRACE_LAST) * TRACE_WORDS) | 0;
  // NQAP and DQAP name an even register. If they name an odd one, they end in an exception, and it does no harm to record the pair below.
  const r1 = (v + V_GR + (((instruction & RRE_R1) >>> 3) & ~3)) | 0;
  I32[at + R_VCPU] = v;
  I32[at + R_INSTRUCTION] = instruction;
  I32[at + R_GR0] = gr0;
  I32[at + R_GR1] = I32[v + V_GR + 3];
  I32[at + R_ENDED] = ended === EXECUTE_PROGRAM ? (I32[v + V_EXIT] << 8) | ended : ended;
  I32[at + R_PSW] = I32[v + V_PSW_MASK_HIGH];
  F64[(at + R_TIME) >> 1] = F64[CLOCK];
  I32[at + R_PSMID_HIGH] = I32[r1 + 1];
  I32[at + R_PSMID_LOW] = I32[r1 + 3];
  I32[TRACED] = (count + 1) | 0;
  return ended;
};

/**
 * As `execute`, or as `executeShared` where other threads use the queues too, and leaves a record. An intercepted instruction gets none
 * here: whoever handles it calls `trace` afterwards.
 */
export const executeTraced = (v: number, instruction: number, shared: boolean): number => {
  const gr0 = I32[v + V_GR + 1];
  const ended = shared ? executeShared(v, instruction) : execute(v, instruction);
  return ended === EXECUTE_INTERCEPT ? ended : trace(v, instruction, gr0, ended);
};
