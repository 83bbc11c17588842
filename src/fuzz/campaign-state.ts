// SPDX-License-Identifier: Apache-2.0
// All that a campaign knows, and how it is saved.
// Source: docs/design.md section 10.

import { Check } from 'typebox/value';
import { ApemuError } from '../errors.ts';
import type { Seen } from '../target/seen.ts';
import type { Finding } from './finding.ts';
import { SAVED_STATE } from './saved-state.ts';

/** A scenario of the corpus. */
export interface Entry {
  readonly name: string;
  readonly lines: string;
  /** Features that it was the first to reach. */
  readonly fresh: readonly number[];
  /** What the driver executes in it. */
  readonly seen: Seen;
  /** What it takes to run it, in the target's unit. */
  readonly cost: number;
}

/** The state as plain data, which is saved as JSON. */
export interface SavedState {
  readonly version: 5;
  readonly identity: string;
  readonly code: string;
  readonly generation: number;
  readonly cases: number;
  readonly executed: number;
  readonly ns: number;
  readonly corpus: readonly (readonly [
    lines: string,
    fresh: readonly number[],
    seen: Seen,
    cost: number,
  ])[];
  readonly hits: readonly (readonly [feature: number, count: number])[];
  readonly firsts: readonly (readonly [feature: number, name: string])[];
  readonly findings: readonly Finding[];
  readonly broken: readonly (readonly [key: string, count: number])[];
  readonly shortened: readonly (readonly [key: string, count: number])[];
  readonly advice: readonly (readonly [text: string, count: number])[];
  readonly places: readonly number[];
  readonly tried: readonly string[];
}

/**
 * The state in the text of a file.
 *
 * @throws ApemuError `APEMU_ERR_FUZZ_STATE` if it is not a state, `APEMU_ERR_USAGE_RESUME` if it is another campaign's
 */
export const readState = (text: string, file: string, identity: string): SavedState => {
  const wrong = (cause?: unknown): ApemuError =>
    new ApemuError(
      'APEMU_ERR_FUZZ_STATE',
      'the file is no state of a campaign, or a damaged one (expected the file as it was written; another folder begins anew)',
      { place: { file }, cause },
    );
  let saved: SavedState | null;
  try {
    saved = JSON.parse(text) as SavedState | null;
  } catch (cause) {
    throw wrong(cause);
  }
  if (saved?.version === 5 && saved.identity === identity) {
    if (Check(SAVED_STATE, saved)) return saved;
    throw wrong();
  }
  throw new ApemuError(
    'APEMU_ERR_USAGE_RESUME',
    `${file} is the state of another campaign (expected the same configuration, driver and --seed; or another folder)`,
  );
};
