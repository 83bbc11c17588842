// SPDX-License-Identifier: Apache-2.0
// Whether the n-th of something is one that an event waits for.
import type { Occasion } from '../program/events.ts';

/** Whether the `n`-th time, counted from 1, is one of an occasion. */
export const isOccasion = (occasion: Occasion, n: number): boolean => {
  if (occasion.kind === 'nth') return n === occasion.n;
  return occasion.kind === 'from' ? n >= occasion.n : n % occasion.n === 0;
};
