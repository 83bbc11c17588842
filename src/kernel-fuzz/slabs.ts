// SPDX-License-Identifier: Apache-2.0
// Storage of a kernel that is in use, by the caches it is from: what grows with each repetition of a scenario is a leak.
// Source: Linux, mm/slub.c (/sys/kernel/slab/NAME/objects); with slub_debug no CPU keeps free objects for itself, so the numbers are exact.
import type { GuestConsole } from '../qemu/console.ts';

const FOLDER = '/sys/kernel/slab';

/** Objects in use, by cache. */
export type SlabCounts = ReadonlyMap<string, number>;

/** Caches from which drivers have their storage; empty where the kernel does not tell. */
export const slabNames = async (shell: GuestConsole): Promise<readonly string[]> => {
  const { output } = await shell.run(`ls ${FOLDER}`);
  return output.split(/\s+/).filter((name) => /^kmalloc-(?:rnd-\d+-)?\d+k?$/.test(name));
};

/** The file of a cache: the number of its objects comes first, as `123 N0=123`. */
export const objectsFile = (name: string): string => `${FOLDER}/${name}/objects`;

/** Caches that have grown from each count to the next by an object or more for each repetition; `repeats`: those between two counts. */
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
