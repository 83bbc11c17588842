// SPDX-License-Identifier: Apache-2.0
// TAPQ, test queue: status in GR1, queue information in GR2.
// Source: docs/reference/ap-architecture.md sections 1.4, 4.4, decision AD-25. Status: architected.

import { FACILITY_SE } from '../arch/facilities.ts';
import { PSW_CC } from '../arch/psw.ts';
import { GR2_A, GR2_BS_SHIFT, GR2_X } from '../arch/registers.ts';
import { AP_RESPONSE_Q_NOT_AVAIL } from '../arch/response-codes.ts';
import {
  BIND_ASSOCIATED,
  BIND_UNBOUND,
  K_BIND,
  Q_COLD,
  Q_GR2_HIGH,
  Q_GR2_LOW,
  Q_STATUS,
  V_FACILITIES,
  V_GR,
  V_PSW_MASK_HIGH,
} from '../machine/layout.ts';
import { EXECUTE_COMPLETED } from '../machine/outcome.ts';
import { statusWithCode } from './availability.ts';
import { advance, completeStatus, refuse } from './ending.ts';
import { I32, setPair } from './views.ts';

/** Puts the status into GR1 and the queue information into GR2. GR2 bits 0-31 are shown only if the T bit is on. */
export const showQueue = (v: number, q: number, gr0: number): void => {
  I32[v + V_GR + 2] = 0;
  I32[v + V_GR + 3] = I32[q + Q_STATUS];
  I32[v + V_GR + 4] = I32[q + Q_GR2_HIGH] & ((gr0 << 8) >> 31);
  I32[v + V_GR + 5] = I32[q + Q_GR2_LOW];
};

/** TAPQ of a queue in plain operation; `psw` has PSW bits 0-31 as they were read. */
export const tapqOperational = (v: number, q: number, gr0: number, psw: number): number => {
  showQueue(v, q, gr0);
  I32[v + V_PSW_MASK_HIGH] = psw & ~PSW_CC;
  advance(v, psw);
  return EXECUTE_COMPLETED;
};

/** TAPQ of a queue that is not available to the program (AD-12); `psw` has PSW bits 0-31 as they were read. */
export const tapqRefused = (v: number, psw: number): number => {
  setPair(v + V_GR + 4, 0);
  return refuse(v, psw);
};

/** Bind state that a secure-execution guest sees (sections 2.4 and 5.6); 0 for other guests. */
const bindState = (v: number, q: number): number => {
  if ((I32[v + V_FACILITIES] & FACILITY_SE) === 0) return 0;
  if ((I32[q + Q_GR2_HIGH] & (GR2_A | GR2_X)) === 0) return 3;
  const bind = I32[I32[q + Q_COLD] + K_BIND];
  if (bind === BIND_UNBOUND) return 2;
  return bind === BIND_ASSOCIATED ? 0 : 1;
};

/** TAPQ of a queue in any state. `rc` is the response code that the state asks for. */
export const tapqState = (v: number, q: number, gr0: number, rc: number): number => {
  if (rc === AP_RESPONSE_Q_NOT_AVAIL) return tapqRefused(v, I32[v + V_PSW_MASK_HIGH]);
  const high = I32[q + Q_GR2_HIGH] | (bindState(v, q) << GR2_BS_SHIFT);
  I32[v + V_GR + 4] = high & ((gr0 << 8) >> 31);
  I32[v + V_GR + 5] = I32[q + Q_GR2_LOW];
  return completeStatus(v, statusWithCode(q, rc));
};
