// SPDX-License-Identifier: Apache-2.0
// The kernel: what a loaded instance offers. The build folds this module and all it imports into one file, `dist/kernel.js`,
// in which views and layout are module-level constants.
// Source: docs/design.md section 3, docs/reference/performance.md section 4 rule 1. Status: choice.

import { ATTENTION_ABSENT, Q_ATTENTION } from '../machine/layout.ts';
import { beginDisable, enableInterruptions } from './aqic.ts';
import { authorized, queueCondition, stateCode, statusWithCode } from './availability.ts';
import { programInterruption } from './ending.ts';
import { execute, run } from './execute.ts';
import {
  abandon,
  bringBack,
  forward,
  hasRoom,
  offerReply,
  pendingOn,
  readySince,
  whereabouts,
} from './forward.ts';
import { executeIntercepted } from './intercepted.ts';
import { takeLock } from './locks.ts';
import { makePending, notify } from './notify.ts';
import {
  completeAt,
  disableInterruptions,
  firstRequest,
  flush,
  nextDue,
  raiseAsyncError,
  refreshStatus,
  settle,
  takeRequest,
  unbind,
} from './queue.ts';
import { startReset } from './reset.ts';
import { executeShared, lockQueue, unlockQueue } from './shared.ts';
import { takeSlots } from './slots.ts';
import { executeTraced, trace } from './trace.ts';
import { I32 } from './views.ts';

/** Functions of one kernel instance. Queues, vCPUs and guests are word indices of their records. */
export const kernel = {
  execute,
  executeShared,
  executeTraced,
  trace,
  run,
  authorized,
  takeLock,
  lockQueue,
  unlockQueue,
  programInterruption,
  settle,
  nextDue,
  takeRequest,
  firstRequest,
  completeAt,
  flush,
  unbind,
  startReset,
  disableInterruptions,
  refreshStatus,
  enableInterruptions,
  beginDisable,
  queueCondition,
  queueState: (v: number, q: number, fn: number): number =>
    (I32[q + Q_ATTENTION] & ATTENTION_ABSENT) !== 0 ? 1 : stateCode(v, q, fn),
  statusWithCode,
  raiseAsyncError,
  makePending,
  executeIntercepted,
  takeSlots,
  hasRoom,
  forward,
  whereabouts,
  readySince,
  bringBack,
  abandon,
  offerReply,
  pendingOn,
  notify,
} as const;

export type Kernel = typeof kernel;
