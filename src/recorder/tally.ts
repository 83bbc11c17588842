// SPDX-License-Identifier: Apache-2.0
// What a comparison has looked at, counted: operations by kind, observations by what they are.
// Source: docs/oracle.md.

import { KINDS } from '../host-operations/kinds.ts';
import type { RecordedLine } from '../sysfs/recording.ts';
import type { RecorderStep } from './generate.ts';
import type { RecorderRun } from './run.ts';

/** Lines that are observations, by what a reader calls them. */
const OBSERVED: Readonly<Partial<Record<RecordedLine[0], string>>> = {
  write: 'outcomes of writes',
  read: 'texts of files',
  driver: 'drivers of queues',
  link: 'links',
  list: 'lists',
  uevent: 'events',
};

export class Tally {
  sequences = 0;
  readonly #operations = new Map<string, number>();
  readonly #observations = new Map<string, number>();

  /** Counts a sequence, as far as it got. */
  add(steps: readonly RecorderStep[], { lines }: RecorderRun): void {
    this.sequences++;
    for (const { kind } of steps.slice(0, lines.length)) count(this.#operations, kind);
    for (const [verb] of lines.flat()) {
      const name = OBSERVED[verb];
      if (name !== undefined) count(this.#observations, name);
    }
  }

  /** Counts by kind, in the order of the table of kinds. Reads that only look are not operations. */
  get operations(): readonly (readonly [string, number])[] {
    return inOrder(
      this.#operations,
      KINDS.map(({ name }) => name),
    );
  }

  get observations(): readonly (readonly [string, number])[] {
    return inOrder(this.#observations, Object.values(OBSERVED));
  }
}

const count = (counts: Map<string, number>, name: string): void => {
  counts.set(name, (counts.get(name) ?? 0) + 1);
};

const inOrder = (
  counts: ReadonlyMap<string, number>,
  names: readonly string[],
): (readonly [string, number])[] => {
  const known = names.filter((name) => counts.has(name));
  return known.map((name) => [name, counts.get(name) ?? 0]);
};
