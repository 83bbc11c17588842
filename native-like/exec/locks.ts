// SPDX-License-Identifier: Apache-2.0
// Locks of threads that share the image: a word that tells who has it. They are held for an instruction, or for as long as a card computes
// a reply, so whoever wants one looks again and again.
// Source: docs/reference/performance.md section 5 (recovery: locks carry their owner). Status: choice.
import { I32, LOCK_OWNER, stuck } from './views.ts';

/** So many looks, a power of two, take about a tenth of a millisecond. */
const LOCK_LOOKS = 0x1000;

/** Takes the lock in a word. The thread that has it may have died with it, so somebody is asked to look after so many looks. */
export const takeLock = (word: number): void => {
  let looks = 0;
  while (Atomics.compareExchange(I32, word, 0, LOCK_OWNER) !== 0) {
    looks = (looks + 1) | 0;
    if ((looks & (LOCK_LOOKS - 1)) === 0 && stuck !== undefined) stuck();
  }
};
