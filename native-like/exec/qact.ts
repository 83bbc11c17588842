// SPDX-License-Identifier: Apache-2.0
// QACT, query AP compatibility type.
// Source: docs/reference/ap-architecture.md section 1.7. Status: layout architected; the answer is a choice: the lower of the
// wanted and the real type, with the mode bits as given.
import { QACT_CAT_SHIFT, QACT_MODE_MASK, QACT_MODE_SHIFT } from '../arch/registers.ts';
import { AP_RESPONSE_NORMAL } from '../arch/response-codes.ts';
import { Q_GR2_LOW, V_GR } from '../machine/layout.ts';
import { statusWithCode } from './availability.ts';
import { completeStatus } from './ending.ts';
import { I32 } from './views.ts';

/** Executes QACT. `rc` is the response code that the queue's state asks for. GR2 changes with response code 00 only. */
export const qact = (v: number, q: number, rc: number): number => {
  if (rc === AP_RESPONSE_NORMAL) {
    const wanted = I32[v + V_GR + 3] >>> QACT_CAT_SHIFT;
    const real = I32[q + Q_GR2_LOW] >>> QACT_CAT_SHIFT;
    I32[v + V_GR + 4] = I32[v + V_GR + 2] & (QACT_MODE_MASK << QACT_MODE_SHIFT);
    I32[v + V_GR + 5] = Math.min(wanted, real) << QACT_CAT_SHIFT;
  }
  return completeStatus(v, statusWithCode(q, rc));
};
