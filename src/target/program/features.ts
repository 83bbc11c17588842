// SPDX-License-Identifier: Apache-2.0
// What a run has met, as one list of numbers: first places of the code, by how often they ran; then architected cells; then pairs of
// codes.
import { type ArchitectedCoverage, CELL_COUNT, PAIR_COUNT } from '../architected.ts';

/** Number of classes into which the counts of one place are divided. */
const BUCKETS = 8;

/** Class of a count: 1, 2, 3, 4-7, 8-15, 16-31, 32-127, more. */
const bucketOf = (count: number): number => {
  if (count <= 3) return count - 1;
  if (count < 8) return 3;
  if (count < 16) return 4;
  if (count < 32) return 5;
  return count < 128 ? 6 : 7;
};

/** Number of features that exist with these counters. */
export const featureCountOf = (counters: Uint32Array): number =>
  counters.length * BUCKETS + CELL_COUNT + PAIR_COUNT;

export const featuresOf = (counters: Uint32Array, coverage: ArchitectedCoverage): number[] => {
  let length = coverage.cells.length + coverage.pairs.length;
  for (let n = 0; n < counters.length; n++) if (counters[n] !== 0) length++;
  const features = new Array<number>(length);
  let at = 0;
  for (let n = 0; n < counters.length; n++) {
    const times = counters[n];
    if (times !== 0) features[at++] = n * BUCKETS + bucketOf(times);
  }
  const cells = counters.length * BUCKETS;
  for (const cell of coverage.cells) features[at++] = cells + cell;
  for (const pair of coverage.pairs) features[at++] = cells + CELL_COUNT + pair;
  return features;
};
