// SPDX-License-Identifier: Apache-2.0
// Storage of a kernel that is in use, by the caches it is from. Storage that grows with each repetition of a scenario is a leak.
// Source: Linux, mm/slub.c (/sys/kernel/slab/NAME/objects); with slub_debug no CPU keeps free objects for itself, so the numbers are
// exact.
import type { GuestConsole } from '../qemu/console.ts';

const FOLDER = '/sys/kernel/slab';

/** Number of objects in use, by cache. */
export type SlabCounts = ReadonlyMap<string, number>;

/** Names of the caches from which drivers take their storage; empty if the kernel does not tell. */
export const slabNames = async (shell: GuestConsole): Promise<readonly string[]> => {
  const { output } = await shell.run(`ls ${FOLDER}`);
  return output.split(/\s+/).filter((name) => /^kmalloc-(?:rnd-\d+-)?\d+k?$/.test(name));
};

/** Path of the file for a cache. It begins with the number of objects: `123 N0=123`. */
export const objectsFile = (name: string): string => `${FOLDER}/${name}/objects`;

/**
 * Caches that have grown, from each count to the next, by at least one object for each repetition. `repeats` is the number of repetitions
 * between two counts.
 */
export const grownCaches = (
  counts: readonly SlabCounts[],
  repeats: number,
): Record<string, number> => {
  const grown: Record<string, number> = {};
  for (const name of counts[0].keys()) {
    const steps = counts
      .slice(1)
      .map((later, n) => (later.get(name) ?? 0) - (counts[n].get(name) ?? 0));
    const least = Math.min(...steps);
    if (steps.length > 0 && least >= repeats) grown[name] = Math.floor(least / repeats);
  }
  return grown;
};
