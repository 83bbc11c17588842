// SPDX-License-Identifier: Apache-2.0
// PQAP off the fast path: the checks of AD-15 in their order, then the function.
// Source: docs/reference/ap-architecture.md sections 1.3, 1.4, decisions AD-05, AD-05a, AD-06, AD-15.
// Status: architected; the order of checks is a choice (AD-15).
import { FACILITY_AP, FACILITY_SIE } from '../arch/facilities.ts';
import {
  FC_AQIC,
  FC_BAPQ,
  FC_QACT,
  FC_RAPQ,
  FC_TAPQ,
  FC_ZAPQ,
  GR0_APQN,
  GR0_FC_SHIFT,
} from '../arch/function-codes.ts';
import {
  PGM_OPERATION,
  PGM_PRIVILEGED_OPERATION,
  PGM_SPECIFICATION,
} from '../arch/program-interruptions.ts';
import { PSW_PROBLEM } from '../arch/psw.ts';
import { V_FACILITIES, V_GR, V_PSW_MASK_HIGH } from '../machine/layout.ts';
import { aqic } from './aqic.ts';
import { CONDITION_CC, findQueue, queueCondition } from './availability.ts';
import { aapq, bapq } from './bind.ts';
import { complete, intercept, programInterruption } from './ending.ts';
import { installed, namesQueue, operandsLegal } from './function-rules.ts';
import { qact } from './qact.ts';
import { qci } from './qci.ts';
import { reset } from './reset.ts';
import { tapqState } from './tapq.ts';
import { I32 } from './views.ts';

/** AD-15 steps 1 and 2, which are the same for all three instructions. Returns 0 to go on, else how the instruction ended plus 1. */
export const admit = (v: number, instruction: number): number => {
  const facilities = I32[v + V_FACILITIES];
  const psw = I32[v + V_PSW_MASK_HIGH];
  if ((facilities & FACILITY_AP) === 0) return withoutAp(v, instruction, facilities) + 1;
  return (psw & PSW_PROBLEM) === 0 ? 0 : programInterruption(v, PGM_PRIVILEGED_OPERATION) + 1;
};

/** Ends an instruction of a program without AP instructions: the hypervisor interprets it (AD-41), or it is unknown to the machine. */
const withoutAp = (v: number, instruction: number, facilities: number): number =>
  (facilities & FACILITY_SIE) !== 0
    ? intercept(v, instruction)
    : programInterruption(v, PGM_OPERATION);

/** Executes PQAP with all checks. */
export const pqap = (v: number, instruction: number): number => {
  const ended = admit(v, instruction);
  if (ended !== 0) return ended - 1;
  const gr0 = I32[v + V_GR + 1];
  const fc = gr0 >>> GR0_FC_SHIFT;
  const facilities = I32[v + V_FACILITIES];
  if (fc === FC_AQIC && (facilities & FACILITY_SIE) !== 0) return intercept(v, instruction);
  if (!installed(facilities, fc)) return programInterruption(v, PGM_SPECIFICATION);
  if (!operandsLegal(facilities, fc, gr0)) return programInterruption(v, PGM_SPECIFICATION);
  if (!namesQueue(fc)) return qci(v);
  return namedQueue(v, fc, gr0);
};

/** Checks availability and state of the queue, then executes the function. */
const namedQueue = (v: number, fc: number, gr0: number): number => {
  const q = findQueue(v, gr0);
  const condition = queueCondition(v, q, gr0 & GR0_APQN, fc);
  if (condition >= CONDITION_CC) return complete(v, condition - CONDITION_CC);
  switch (fc) {
    case FC_TAPQ:
      return tapqState(v, q, gr0, condition);
    case FC_RAPQ:
    case FC_ZAPQ:
      return reset(v, q, gr0, condition);
    case FC_AQIC:
      return aqic(v, q, condition);
    case FC_QACT:
      return qact(v, q, condition);
    case FC_BAPQ:
      return bapq(v, q, condition);
    default:
      return aapq(v, q, condition);
  }
};
