// SPDX-License-Identifier: Apache-2.0
// RAPQ and ZAPQ: discard everything on the queue, asynchronously.
// Source: docs/reference/ap-architecture.md section 1.5, decisions AD-12a, AD-20. Status: architected; durations are choices.

import { FC_ZAPQ, GR0_F, GR0_FC_SHIFT } from '../arch/function-codes.ts';
import { AP_RESPONSE_NORMAL } from '../arch/response-codes.ts';
import { STATUS_EMPTY, STATUS_RC_SHIFT } from '../arch/status-word.ts';
import {
  AFTER_RESET_DISSOCIATE,
  AFTER_RESET_KEEP,
  AFTER_RESET_UNBIND,
  ATTENTION_ASYNC,
  ATTENTION_RESET,
  C_TIME_RAPQ,
  C_TIME_ZAPQ,
  K_AFTER_RESET,
  K_RESET_DUE,
  Q_ATTENTION,
  Q_COLD,
} from '../machine/layout.ts';
import { statusWithCode } from './availability.ts';
import { completeStatus } from './ending.ts';
import { flush, now, settle } from './queue.ts';
import { F64, I32, markPending } from './views.ts';

/**
 * Starts a reset: messages are discarded and interruptions disabled at once, and the queue answers 02 until the time is over; a time of
 * zero is over before the next instruction. `zeroize` also ends an association, `unbinds` (the F bit) the binding.
 */
export const startReset = (q: number, zeroize: boolean, unbinds: boolean): void => {
  const cold = I32[q + Q_COLD];
  flush(q);
  const duration = F64[(zeroize ? C_TIME_ZAPQ : C_TIME_RAPQ) >> 1];
  I32[cold + K_AFTER_RESET] = unbinds
    ? AFTER_RESET_UNBIND
    : zeroize
      ? AFTER_RESET_DISSOCIATE
      : AFTER_RESET_KEEP;
  F64[(cold + K_RESET_DUE) >> 1] = now() + duration;
  I32[q + Q_ATTENTION] = (I32[q + Q_ATTENTION] & ~ATTENTION_ASYNC) | ATTENTION_RESET;
  markPending(q);
  if (duration === 0) settle(q, now());
};

/** Executes RAPQ or ZAPQ, as GR0 says. `rc` is the response code that the queue's state asks for. */
export const reset = (v: number, q: number, gr0: number, rc: number): number => {
  if (rc !== AP_RESPONSE_NORMAL) return completeStatus(v, statusWithCode(q, rc));
  startReset(q, gr0 >>> GR0_FC_SHIFT === FC_ZAPQ, (gr0 & GR0_F) !== 0);
  return completeStatus(v, STATUS_EMPTY | (AP_RESPONSE_NORMAL << STATUS_RC_SHIFT));
};
