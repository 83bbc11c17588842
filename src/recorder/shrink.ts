// SPDX-License-Identifier: Apache-2.0
// The fewest operations after which a kernel still does the same: complains of the same, or differs from the model in the same way.
// Source: docs/oracle.md.
import { dropParts } from '../fuzz/drop-parts.ts';
import { isChange, type RecordedOperation } from '../sysfs/recorded-operation.ts';

/** Tells whether operations still show it. */
export type Shows = (operations: readonly RecordedOperation[]) => Promise<boolean>;

export interface Shrunk {
  readonly operations: readonly RecordedOperation[];
  /** Number of runs that it took. */
  readonly runs: number;
}

/** Runs a finding may take; a kernel boots for each. */
const SHRINK_RUNS_MAX = 120;

/**
 * Shortens `operations`, the last of which shows something. Looks at what was not changed go first: they seldom matter.
 * Nothing is left out where no shorter list shows it.
 */
export async function shrink(
  operations: readonly RecordedOperation[],
  shows: Shows,
): Promise<Shrunk> {
  let runs = 0;
  const counted: Shows = (candidate) => {
    runs++;
    return shows(candidate);
  };
  const last = operations.at(-1);
  if (last === undefined) return { operations, runs };
  const changes = operations.slice(0, -1).filter(isChange);
  const withLast = (before: readonly RecordedOperation[]): Promise<boolean> =>
    counted([...before, last]);
  const before = (await withLast(changes)) ? changes : operations.slice(0, -1);
  const least = await dropParts(before, withLast, SHRINK_RUNS_MAX);
  return { operations: [...least, last], runs };
}
