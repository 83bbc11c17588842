// SPDX-License-Identifier: Apache-2.0
// How many findings of one oracle and way are made short, since that takes long. More are only counted.
// Source: docs/design.md section 10.
import { parseScenarioLines } from '../scenario/text.ts';
import type { Finding } from './finding.ts';
import type { BrokenInput } from './job.ts';
import { keyOf } from './run-job.ts';
import { hasAllOf } from './shapes.ts';

const SHORTENED_MAX = 12;

export interface ShorteningLimits {
  /** How many findings of one oracle and way are made short: fewer if that takes long. */
  readonly shortened?: number;
  /** The same, of those that have not all that happens in a finding of that oracle and way: they may break it for another reason. */
  readonly shortenedUnlike?: number;
}

/** How many like this one are made short before it is only counted. `findings` are those that are known. */
export const shortenedMost = (
  { violation, lines }: BrokenInput,
  findings: readonly Finding[],
  { shortened = SHORTENED_MAX, shortenedUnlike = 0 }: ShorteningLimits,
): number => {
  if (shortenedUnlike <= shortened) return shortened;
  const key = keyOf(violation);
  const events = parseScenarioLines(lines);
  const known = findings.some(
    (one) => keyOf(one.violation) === key && hasAllOf(events, parseScenarioLines(one.lines)),
  );
  return known ? shortened : shortenedUnlike;
};
