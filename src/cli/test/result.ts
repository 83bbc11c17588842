// SPDX-License-Identifier: Apache-2.0
// How a test ended, for people and for systems that collect results.

/** `error`: the test could not be run as it is. */
export type Outcome = 'passed' | 'failed' | 'error' | 'skipped';

export interface TestResult {
  /** Path of the file, as it was found. */
  readonly name: string;
  readonly seconds: number;
  readonly outcome: Outcome;
  /** Why it did not pass, a line or several; for a skipped one, why it was left out. */
  readonly why: string;
}

/** Why the test failed, in one line. */
export const headOf = ({ why }: TestResult): string => why.trim().split('\n', 1)[0];

export const countOf = (results: readonly TestResult[], outcome: Outcome): number =>
  results.filter((result) => result.outcome === outcome).length;
