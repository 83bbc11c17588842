// SPDX-License-Identifier: Apache-2.0
// Injected faults: whether one applies to this instruction, and which. Looked at only where a queue or a guest is marked.
// Source: docs/design.md sections 2, 5 and 6. Status: choice.
import {
  C_FAULT_COUNT,
  F_ACTION,
  F_ACTIVE,
  F_AT,
  F_CHANCE,
  F_COUNT,
  F_FUNCTIONS,
  F_ID,
  F_RANDOM,
  F_SCOPE,
  FAULT_CC,
  FAULT_RC,
  FAULT_WORDS,
} from '../machine/layout.ts';
import { now } from './queue.ts';
import { F64, FAULTS, I32 } from './views.ts';

const SCOPE_GUEST = 1;
const SCOPE_APQN = 2;

/** Next number of a fault's own generator (xorshift32), so that a seed decides every outcome. */
const draw = (fault: number): number => {
  let x = I32[fault + F_RANDOM] as number;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  I32[fault + F_RANDOM] = x;
  return x >>> 0;
};

const inScope = (fault: number, guest: number, apqn: number): boolean => {
  const scope = I32[fault + F_SCOPE] as number;
  if (scope === SCOPE_GUEST) return I32[fault + F_ID] === guest;
  if (scope === SCOPE_APQN) return I32[fault + F_ID] === apqn;
  return true;
};

/** Whether the fault strikes now; counts it down when it does. */
const strikes = (fault: number): boolean => {
  if (now() < (F64[(fault + F_AT) >> 1] as number)) return false;
  const chance = (I32[fault + F_CHANCE] as number) >>> 0;
  if (chance !== 0 && draw(fault) >= chance) return false;
  const count = I32[fault + F_COUNT] as number;
  if (count > 0) {
    I32[fault + F_COUNT] = count - 1;
    if (count === 1) I32[fault + F_ACTIVE] = 0;
  }

  return true;
};

/**
 * The first fault that strikes function `fn` (FUNCTION_*) of `guest` (record word index) on `apqn`: its word index, or 0.
 * `ending` selects faults that replace the instruction (response code, condition code), else those that follow its message.
 */
export const findFault = (guest: number, apqn: number, fn: number, ending: boolean): number => {
  const end = FAULTS + (I32[C_FAULT_COUNT] as number) * FAULT_WORDS;
  for (let fault = FAULTS; fault < end; fault += FAULT_WORDS) {
    if (I32[fault + F_ACTIVE] === 0) continue;
    if (((I32[fault + F_FUNCTIONS] as number) & (1 << fn)) === 0) continue;
    const action = I32[fault + F_ACTION] as number;
    if ((action === FAULT_RC || action === FAULT_CC) !== ending) continue;
    if (inScope(fault, guest, apqn) && strikes(fault)) return fault;
  }
  return 0;
};
