// SPDX-License-Identifier: Apache-2.0
// Mistakes in a text the user wrote (configuration or AP program), collected and reported together.

import { ApemuError, type SourcePlace } from '../errors.ts';

/** One mistake: what is wrong, where, and what would have been right. */
export interface Mistake {
  /** Stable code of the mistake, `APEMU_ERR_…`. */
  readonly code: string;
  readonly message: string;
  /** What was expected, without the word; undefined where the message says it all. */
  readonly expected: string | undefined;
  readonly place: SourcePlace;
}

/** A mistake in the line that users see: `file:line:column: message (expected …) [code]`. */
export function formatMistake(mistake: Mistake): string {
  const { file, line, column } = mistake.place;
  const where = [file, line, column].filter((part) => part !== undefined).join(':');
  const expected = mistake.expected === undefined ? '' : ` (expected ${mistake.expected})`;
  return `${where}: ${mistake.message}${expected} [${mistake.code}]`;
}

/** All mistakes in a text, in their order. Code and place are those of the first. */
export class MistakesError extends ApemuError {
  readonly mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[]) {
    const sorted = [...mistakes].sort(byPlace);
    const first = sorted[0];
    if (first === undefined) throw new RangeError('MistakesError needs at least one mistake');
    super(first.code, sorted.map(formatMistake).join('\n'), { place: first.place });
    this.name = 'MistakesError';
    this.mistakes = sorted;
  }
}

function byPlace(a: Mistake, b: Mistake): number {
  const lines = (a.place.line ?? 0) - (b.place.line ?? 0);
  return lines !== 0 ? lines : (a.place.column ?? 0) - (b.place.column ?? 0);
}

/** The candidate that differs from `word` by at most two edits, for "did you mean". */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = 3;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance && distance < candidate.length) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, substitution));
    }
    row = next;
  }
  return row[b.length];
}
