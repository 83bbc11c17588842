// SPDX-License-Identifier: Apache-2.0
// Executes an instruction that was intercepted, on a virtual queue of the guest instead of one of the machine's.
// Source: docs/reference/vfio-ap.md section 8.3 (V-03). Status: choice; results as architected.
import { OPCODE_NQAP, OPCODE_PQAP } from '../arch/instructions.ts';
import { standInFor } from './availability.ts';
import { dqapSlow } from './dqap.ts';
import { nqapSlow } from './nqap.ts';
import { pqap } from './pqap.ts';

/**
 * Executes PQAP (except AQIC), NQAP or DQAP on the vCPU block at word `v`, whose PSW points to the instruction and whose facilities say
 * what the guest has. `q` is the queue record that its APQN means. Returns what `execute` returns.
 */
export const executeIntercepted = (v: number, instruction: number, q: number): number => {
  const opcode = instruction >>> 16;
  standInFor(q);
  const ended =
    opcode === OPCODE_PQAP
      ? pqap(v, instruction)
      : opcode === OPCODE_NQAP
        ? nqapSlow(v, instruction)
        : dqapSlow(v, instruction);
  standInFor(0);
  return ended;
};
