// SPDX-License-Identifier: Apache-2.0
// Differences of a replay by kind: how many there are of each, and the first.
// Source: docs/design.md section 7.

/** A line whose outcome differs from what was recorded. */
export interface GoldenDifference {
  readonly file: string;
  /** Number of the line, from 1. */
  readonly line: number;
  readonly operation: string;
  readonly expected: string;
  readonly actual: string;
}

/** Differences of one kind: the same file of the same kind of object, the same texts. */
export interface GoldenKind {
  readonly kind: string;
  readonly count: number;
  readonly first: GoldenDifference;
}

/** Highest number of kinds that are kept apart. A replay with the wrong profile would have thousands. */
const MAX_KINDS = 500;
/** Names of objects by what they are: differences of two queues are of one kind. */
const ANY_OBJECT: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{2}\.00[0-9a-f]{2}\b/g, 'QUEUE'],
  [/\bcard[0-9a-f]{2}\b/g, 'CARD'],
  [/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'UUID'],
  [/0x[0-9a-f]{64}\b/g, 'MASK'],
];

const anyObject = (text: string): string =>
  ANY_OBJECT.reduce((all, [pattern, name]) => all.replace(pattern, name), text);

/** Collects differences by kind. */
export class GoldenKinds {
  readonly #kinds = new Map<string, { count: number; first: GoldenDifference }>();

  add(difference: GoldenDifference): void {
    const { operation, expected, actual } = difference;
    const kind = anyObject(`${operation}: ${expected}, not ${actual}`);
    const known = this.#kinds.get(kind);
    if (known !== undefined) known.count++;
    else if (this.#kinds.size < MAX_KINDS) this.#kinds.set(kind, { count: 1, first: difference });
  }

  /** All kinds, the most frequent first. */
  all(): GoldenKind[] {
    return [...this.#kinds]
      .map(([kind, { count, first }]) => ({ kind, count, first }))
      .sort((a, b) => b.count - a.count || a.first.line - b.first.line);
  }
}
