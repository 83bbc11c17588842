// SPDX-License-Identifier: Apache-2.0
// Chooses the real queue, out of several, to which a message goes.
// Source: docs/reference/vfio-ap.md section 8.3 (V-05).
import type { MachineImage } from '../../../native-like/machine/image.ts';
import { L_PSMID_HIGH, L_PSMID_LOW, Q_ALL_FREE } from '../../../native-like/machine/layout.ts';
import {
  CHOICE_FIRST,
  CHOICE_LEAST,
  CHOICE_RANDOM,
  CHOICE_STICKY,
  E_CHOICE,
  E_FOLLOWING,
  E_RANDOM,
} from '../../../native-like/machine/virtual-layout.ts';
import type { Kernel } from '../../lpar/kernel.ts';
import { nextRandom } from '../../lpar/random.ts';

/** The ways to choose, by their names in configurations and in the file `choice` of an mdev. */
export const CHOICES = {
  least: CHOICE_LEAST,
  sticky: CHOICE_STICKY,
  first: CHOICE_FIRST,
  random: CHOICE_RANDOM,
} as const;
export type Choice = keyof typeof CHOICES;

/** FNV-1a hash of the eight bytes of a PSMID. */
const hashOf = (high: number, low: number): number => {
  let hash = 0x811c9dc5;
  for (const word of [high, low])
    for (let shift = 24; shift >= 0; shift -= 8)
      hash = Math.imul(hash ^ ((word >>> shift) & 0xff), 0x01000193);
  return hash >>> 0;
};

/** The message that is to be sent. */
export interface Waiting {
  /** Word index of the virtual queue's record. */
  readonly entry: number;
  /** Word index of the message's slot header. */
  readonly header: number;
}

/**
 * Chooses a real queue. `free` are those of `all` that can take the message now, at least one. Least: the queue with the smallest share
 * of its depth in use; of several, the next one after the last choice. First: the first of them. Random: from a seed. Sticky: always the
 * same one for a PSMID, and undefined while that one has no room.
 */
export function chooseQueue(
  image: MachineImage,
  kernel: Kernel,
  { all, free }: { readonly all: readonly number[]; readonly free: readonly number[] },
  { entry, header }: Waiting,
): number | undefined {
  switch (image.word(entry + E_CHOICE)) {
    case CHOICE_FIRST:
      return free[0];
    case CHOICE_STICKY: {
      const hash = hashOf(image.word(header + L_PSMID_HIGH), image.word(header + L_PSMID_LOW));
      const queue = all[hash % all.length];
      return free.find((candidate) => candidate === queue);
    }
    case CHOICE_RANDOM: {
      const state = nextRandom(image.word(entry + E_RANDOM));
      image.i32[entry + E_RANDOM] = state;
      return free[(state >>> 8) % free.length];
    }
    default:
      return leastLoaded(image, kernel, all, free, entry);
  }
}

/** The queue with the smallest share of its slots in use. Of several, the one whose APQN follows that of the last choice. */
function leastLoaded(
  image: MachineImage,
  kernel: Kernel,
  all: readonly number[],
  free: readonly number[],
  entry: number,
): number | undefined {
  const next = all.findIndex((q) => image.apqnOf(q) >= image.word(entry + E_FOLLOWING));
  const start = Math.max(0, next);
  let best: number | undefined;
  let bestLoad = Number.POSITIVE_INFINITY;
  for (const q of [...all.slice(start), ...all.slice(0, start)]) {
    const load = kernel.pendingOn(q) / Math.clz32(~image.word(q + Q_ALL_FREE));
    if (load >= bestLoad || !free.includes(q)) continue;
    [best, bestLoad] = [q, load];
  }
  if (best !== undefined) image.i32[entry + E_FOLLOWING] = image.apqnOf(best) + 1;
  return best;
}
