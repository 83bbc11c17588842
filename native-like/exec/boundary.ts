// SPDX-License-Identifier: Apache-2.0
// Where NQAP and DQAP stop with condition code 2, when the configuration asks for it.
// Source: docs/reference/ap-architecture.md decision AD-18. Status: choice.
import { C_CC2_BYTES, C_OPTIONS, OPTION_CC2_PROGRESS } from '../machine/layout.ts';
import { I32 } from './views.ts';

/** Bytes of an operand at `address` that one execution moves: up to the next boundary, or all of it. */
export const bytesToBoundary = (address: number, length: number): number => {
  const unit = I32[C_CC2_BYTES] as number;
  if (unit === 0) return length;
  const progress = ((I32[C_OPTIONS] as number) & OPTION_CC2_PROGRESS) !== 0;
  const rest = progress ? unit : unit - ((address >>> 0) % unit);
  return Math.min(rest, length);
};
