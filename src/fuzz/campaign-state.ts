// SPDX-License-Identifier: Apache-2.0
// What a campaign knows, and how it is saved.
// Source: docs/design.md section 10.
import type { Seen } from '../target/seen.ts';
import type { Finding } from './finding.ts';

/** A scenario of the corpus. */
export interface Entry {
  readonly name: string;
  readonly lines: string;
  /** Features it was the first to reach. */
  readonly fresh: readonly number[];
  /** What the driver executes in it. */
  readonly seen: Seen;
}

/** Plain data, saved as JSON. */
export interface SavedState {
  readonly version: 1;
  readonly identity: string;
  readonly code: string;
  readonly generation: number;
  readonly cases: number;
  readonly executed: number;
  readonly ns: number;
  readonly corpus: readonly (readonly [name: string, fresh: readonly number[], seen: Seen])[];
  readonly hits: readonly (readonly [feature: number, count: number])[];
  readonly firsts: readonly (readonly [feature: number, name: string])[];
  readonly findings: readonly Finding[];
  readonly broken: readonly (readonly [key: string, count: number])[];
  readonly shortened: readonly (readonly [key: string, count: number])[];
  readonly advice: readonly (readonly [text: string, count: number])[];
  readonly places: readonly number[];
}
