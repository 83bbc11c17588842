// SPDX-License-Identifier: Apache-2.0
// Bind and associate of a secure-execution guest: what writes to a queue's files se_bind and se_associate do.
// Source: docs/reference/ap-architecture.md section 5.6. The errno of each refusal is our choice where the page is silent.

import { GR2_A, GR2_BS_MASK, GR2_BS_SHIFT, GR2_X } from '../../../native-like/arch/registers.ts';
import {
  AP_RESPONSE_NORMAL,
  AP_RESPONSE_STATE_CHANGE_IN_PROGRESS,
} from '../../../native-like/arch/response-codes.ts';
import { aapq, bapq, tapq } from '../instructions.ts';
import { rc } from '../status.ts';
import type { Bus } from './bus.ts';
import { bindAvailable } from './configuration.ts';
import { flushQueue } from './messages.ts';
import { applyWait } from './poll.ts';
import { pollOnce, restart } from './queue.ts';
import { ASSOC_INVALID, type QueueState, SM_ASSOC_WAIT, SM_IDLE } from './state.ts';

/** Bind states (TAPQ GR2 bits 16-17). */
const BIND_USABLE = 0;
const BIND_NO_SECURE_KEY = 1;
const BIND_AVAILABLE = 2;

const HIGHEST_SECRET = 0xffff;

/** `ok`, or the name of the errno with which the write would fail. */
export type WriteResult = 'ok' | 'EINVAL' | 'EBUSY' | 'EIO';

const functionsOf = (bus: Bus, queue: QueueState): number =>
  bus.cardOf.get(queue.apqn >> 8)?.infoHigh ?? 0;

/** Executes TAPQ with T=1 and remembers the bind state. Returns the response code. */
const testBindState = (bus: Bus, queue: QueueState): number => {
  const code = rc(tapq(bus.ap, queue.apqn, true));
  if (code === AP_RESPONSE_NORMAL) {
    queue.bindState = (bus.ap.infoHigh & GR2_BS_MASK) >>> GR2_BS_SHIFT;
  }
  return code;
};

const isBound = (queue: QueueState): boolean =>
  queue.bindState === BIND_USABLE || queue.bindState === BIND_NO_SECURE_KEY;

const bind = (bus: Bus, queue: QueueState): WriteResult => {
  if (testBindState(bus, queue) !== AP_RESPONSE_NORMAL) return 'EIO';
  if (queue.bindState !== BIND_AVAILABLE) return 'EINVAL';
  if (queue.smState < SM_IDLE) return 'EBUSY';
  if (rc(bapq(bus.ap, queue.apqn)) !== AP_RESPONSE_NORMAL) return 'EIO';
  if (testBindState(bus, queue) !== AP_RESPONSE_NORMAL) return 'EIO';
  return isBound(queue) ? 'ok' : 'EIO';
};

/** Write to `se_bind`: true binds the queue to this guest; false flushes it and resets it with the F bit. */
export const writeSeBind = (bus: Bus, queue: QueueState, value: boolean): WriteResult => {
  if (!bindAvailable(bus) || (functionsOf(bus, queue) & (GR2_A | GR2_X)) === 0) return 'EINVAL';
  if (value) return bind(bus, queue);
  flushQueue(bus, queue);
  queue.resetF = true;
  applyWait(bus, restart(bus, queue));
  bus.state.refillDue = true;
  return 'ok';
};

/** Write to `se_associate`: associates a bound queue with a secret. The queue is usable when its state machine is back in IDLE. */
export const writeSeAssociate = (bus: Bus, queue: QueueState, secret: number): WriteResult => {
  if (!bindAvailable(bus) || (functionsOf(bus, queue) & GR2_X) === 0) return 'EINVAL';
  if (!Number.isInteger(secret) || secret < 0 || secret > HIGHEST_SECRET) return 'EINVAL';
  if (testBindState(bus, queue) !== AP_RESPONSE_NORMAL) return 'EIO';
  if (queue.bindState !== BIND_NO_SECURE_KEY) return 'EINVAL';
  if (queue.smState !== SM_IDLE || queue.association !== ASSOC_INVALID) return 'EBUSY';
  const code = rc(aapq(bus.ap, queue.apqn, secret));
  if (code !== AP_RESPONSE_NORMAL && code !== AP_RESPONSE_STATE_CHANGE_IN_PROGRESS) return 'EIO';
  queue.smState = SM_ASSOC_WAIT;
  queue.association = secret;
  applyWait(bus, pollOnce(bus, queue));
  return 'ok';
};
