// SPDX-License-Identifier: Apache-2.0
// What a fault does, and how its record in the machine image says so.
// Source: docs/design.md sections 5 and 6 (`faults`, `fault:`).
import {
  FAULT_BOUNDARY,
  FAULT_CC,
  FAULT_DELAY,
  FAULT_DROP,
  FAULT_RC,
  FAULT_REORDER,
  FAULT_REPLY,
} from '../../native-like/machine/layout.ts';
import type { InjectedReply } from '../cex/injected-reply.ts';

/** What a fault does. Times are in nanoseconds. Effects on messages (drop, delay, reorder, reply) strike at NQAP. */
export type FaultEffect =
  | { readonly kind: 'rc'; readonly rc: number }
  /** With `everyBytes`: condition code 2 at each address in the operand that is a multiple of it (AD-18). */
  | { readonly kind: 'cc'; readonly cc: 1 | 2; readonly everyBytes?: number | undefined }
  | { readonly kind: 'drop' }
  | { readonly kind: 'delay'; readonly delayNs: number }
  | { readonly kind: 'reorder'; readonly places: number }
  /** What the adapter answers instead. If the reply names a function, only requests for that function get it. */
  | { readonly kind: 'reply'; readonly reply: InjectedReply };

const ACTIONS: Readonly<Record<FaultEffect['kind'], number>> = {
  rc: FAULT_RC,
  cc: FAULT_CC,
  drop: FAULT_DROP,
  delay: FAULT_DELAY,
  reorder: FAULT_REORDER,
  reply: FAULT_REPLY,
};
/** Actions on a message after it was accepted. Because of them, loopback queues are not served by the kernel itself. */
export const MESSAGE_ACTIONS: readonly number[] = [
  FAULT_DROP,
  FAULT_DELAY,
  FAULT_REORDER,
  FAULT_REPLY,
];

export const actionOf = (effect: FaultEffect): number =>
  effect.kind === 'cc' && effect.everyBytes !== undefined ? FAULT_BOUNDARY : ACTIONS[effect.kind];

/** The number that goes with the action: response code, condition code, bytes between boundaries, or number of replies that overtake. */
export const effectValue = (effect: FaultEffect): number => {
  if (effect.kind === 'rc') return effect.rc;
  if (effect.kind === 'cc') return effect.everyBytes ?? effect.cc;
  return effect.kind === 'reorder' ? effect.places : 0;
};
