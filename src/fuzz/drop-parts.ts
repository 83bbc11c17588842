// SPDX-License-Identifier: Apache-2.0
// Makes a list short: leaves out halves, quarters and so on down to single elements, as long as the rest still does what it is to do.
// Source: Zeller and Hildebrandt, Simplifying and isolating failure-inducing input (ddmin). Status: choice.

/** The shortest list found in at most `attempts` tries that `accepts` accepts. It must accept `elements` themselves. */
export async function dropParts<T>(
  elements: readonly T[],
  accepts: (elements: readonly T[]) => Promise<boolean>,
  attempts: number,
): Promise<readonly T[]> {
  let best = elements;
  let left = attempts;
  for (let size = Math.max(1, best.length >> 1); size >= 1; size >>= 1) {
    for (let from = 0; from < best.length && left > 0; left--) {
      const shorter = best.toSpliced(from, size);
      if (await accepts(shorter)) best = shorter;
      else from += size;
    }
  }
  return best;
}
