// SPDX-License-Identifier: Apache-2.0
// The queue status word in GR1 and TAPQ's queue information in GR2.
// Source: ap-architecture.md 1.10, 1.11, 4.4, AD-09, AD-12, AD-25.

import type { Outcome } from '../vectors/under-test.ts';
import type { Instruction } from './instruction.ts';
import type { Model } from './model.ts';
import type { BindState, ModelGuest, ModelQueue } from './state.ts';

const BIND_STATE_CODE: Record<BindState, number> = {
  associated: 0,
  bound: 1,
  associating: 1,
  unbound: 2,
};
const NOT_BINDABLE = 3;

/** Facility word bits D, A, X. */
export const MODE_D = 0x10000000;
export const MODE_A = 0x08000000;
export const MODE_X = 0x04000000;

/** Response codes whose status carries E, R, F and I. */
const RCS_WITH_FLAGS: readonly number[] = [0x00, 0x02, 0x10];

/** Status word for a response code (AD-12). */
export function statusWord(model: Model, queue: ModelQueue | undefined, rc: number): number {
  let word = rc << 16;
  if (rc === 0x35 || rc === 0x36) return model.defect('no-async-bit') ? word : word | 0x02000000;
  const withFlags = RCS_WITH_FLAGS.includes(rc) || model.defect('flags-on-every-rc');
  if (queue === undefined || !withFlags) return word;
  if (rc === 0x10 && model.defect('no-flags-on-rc-10')) return word;
  if (rc === 0x02 && model.defect('no-flags-on-rc-02')) return word;
  const empty = model.defect('empty-ignores-requests') ? queue.replies.length : queue.used;
  if (empty === 0) word |= 0x80000000;
  if (queue.replies.length > 0) word |= 0x40000000;
  if (queue.full && !model.defect('full-never')) word |= 0x20000000;
  if (queue.notification !== undefined && !model.defect('irq-never-shown')) word |= 0x01000000;
  return word >>> 0;
}

/** Bind state as the guest sees it; only secure execution sees any other than 0. */
function bindState(guest: ModelGuest, queue: ModelQueue): number {
  if (guest.config.secureExecution === undefined) return 0;
  if (!isBindable(queue)) return NOT_BINDABLE;
  return BIND_STATE_CODE[queue.bind];
}

export function isBindable(queue: ModelQueue): boolean {
  return (queue.adapter.config.functions & (MODE_A | MODE_X)) !== 0;
}

/** GR2 of TAPQ. */
export function queueInformation(i: Instruction, queue: ModelQueue): bigint {
  const { type, nd, ml, depth, functions } = queue.adapter.config;
  const qd = i.defect('qd-is-depth') ? depth & 15 : depth - 1;
  const low = BigInt(type) * 0x1000000n + BigInt((nd << 16) | (ml << 8) | qd);
  const wanted = (i.gr0 & 0x00800000n) !== 0n || i.defect('tapq-facilities-always');
  if (!wanted) return low;
  const bs = i.defect('no-bind-state') ? 0 : bindState(i.guest, queue);
  const high = BigInt((functions | (bs << 14)) >>> 0);
  return (high << 32n) | low;
}

/** Ends the instruction with a response code that is not 00: CC 3, status in GR1, TAPQ information in GR2. */
export function refuse(i: Instruction, rc: number): Outcome {
  const { gr } = i.vcpu;
  if (i.name === 'tapq') {
    const queue = rc === 0x01 ? undefined : i.queue;
    if (queue === undefined) gr[2] = i.defect('gr2-kept-on-rc-01') ? gr[2] : 0n;
    else if (!i.defect('no-gr2-on-error')) gr[2] = queueInformation(i, queue);
  }
  setStatus(i, rc);
  return i.completed(i.defect('cc-0-on-error') ? 0 : 3);
}

/** Ends the instruction with RC 00. */
export function accept(i: Instruction, cc = 0): Outcome {
  setStatus(i, 0);
  return i.completed(cc);
}

function setStatus(i: Instruction, rc: number): void {
  const keep = i.defect('gr1-high-kept') ? i.gr1 & ~0xffffffffn : 0n;
  i.vcpu.gr[1] = keep | BigInt(statusWord(i.model, i.queue, rc));
}
