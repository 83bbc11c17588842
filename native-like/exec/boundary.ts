// SPDX-License-Identifier: Apache-2.0
// Where NQAP and DQAP stop with condition code 2, when the configuration or a fault asks for it.
// Source: docs/reference/ap-architecture.md decision AD-18. Status: choice.
import {
  C_CC2_BYTES,
  C_OPTIONS,
  F_VALUE,
  OPTION_CC2_PROGRESS,
  V_GUEST,
} from '../machine/layout.ts';
import { BOUNDARIES, faulty, nextFault, strikes } from './faults.ts';
import { I32 } from './views.ts';

/** How many bytes of an operand at `address` one execution moves: those up to the next boundary, or all `length` of them. */
export const bytesToBoundary = (address: number, length: number): number => {
  const unit = I32[C_CC2_BYTES];
  if (unit === 0) return length;
  const progress = (I32[C_OPTIONS] & OPTION_CC2_PROGRESS) !== 0;
  const rest = progress ? unit : unit - ((address >>> 0) % unit);
  return Math.min(rest, length);
};

/**
 * `bytes`, or fewer where a fault (`cc: 2` with `every`) stops function `fn` at an address that is a multiple of its unit. The
 * first fault with such an address before the operand's end may strike; it is counted once for each stop.
 */
export const bytesToFault = (
  v: number,
  q: number,
  apqn: number,
  fn: number,
  address: number,
  bytes: number,
): number => {
  const guest = I32[v + V_GUEST];
  if (!faulty(q, guest)) return bytes;
  let fault = nextFault(0, guest, apqn, fn, BOUNDARIES);
  while (fault !== 0) {
    const unit = I32[fault + F_VALUE];
    const rest = unit - ((address >>> 0) % unit);
    if (rest < bytes && strikes(fault)) return rest;
    fault = nextFault(fault, guest, apqn, fn, BOUNDARIES);
  }
  return bytes;
};
