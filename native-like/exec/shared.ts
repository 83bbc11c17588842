// SPDX-License-Identifier: Apache-2.0
// Queues that several threads use: a lock is held during each instruction. Queues used by one thread need no lock.
// Source: docs/design.md section 4, docs/reference/performance.md section 5. Status: choice.
import { GR0_APQN, GR0_FC_SHIFT } from '../arch/function-codes.ts';
import { OPCODE_PQAP } from '../arch/instructions.ts';
import { ATTENTION_SHARED, Q_ATTENTION, Q_LOCK, V_GR } from '../machine/layout.ts';
import { execute } from './execute.ts';
import { namesQueue } from './function-rules.ts';
import { takeLock } from './locks.ts';
import { I32, INDEX, QUEUES } from './views.ts';

/** Takes the queue's lock if it is shared; a queue that is not has no lock. */
export const lockQueue = (q: number): void => {
  if ((I32[q + Q_ATTENTION] & ATTENTION_SHARED) === 0) return;
  takeLock(q + Q_LOCK);
};

export const unlockQueue = (q: number): void => {
  if ((I32[q + Q_ATTENTION] & ATTENTION_SHARED) !== 0) Atomics.store(I32, q + Q_LOCK, 0);
};

/** As `execute`, for a vCPU whose queues are used by other threads too. */
export const executeShared = (v: number, instruction: number): number => {
  const gr0 = I32[v + V_GR + 1];
  const namesNone = instruction >>> 16 === OPCODE_PQAP && !namesQueue(gr0 >>> GR0_FC_SHIFT);
  const q = namesNone ? QUEUES : I32[INDEX + (gr0 & GR0_APQN)];
  lockQueue(q);
  const ended = execute(v, instruction);
  unlockQueue(q);
  return ended;
};
