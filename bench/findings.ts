// SPDX-License-Identifier: Apache-2.0
// What a benchmark process finds: values and ratios by row, and what a question is given.
import type { Pace, RoundTimes } from './measure/rounds.ts';
import { medianNs, ratios } from './measure/rounds.ts';
import { median, quartiles } from './measure/statistics.ts';
import type { BuiltReference } from './reference/reference.ts';

/** One process's answer for one row of bench/rows.ts. */
export interface Finding {
  readonly row: string;
  /** In the row's unit. */
  readonly value: number;
  /** To the row's base, paired; absent for rows that compare with nothing. */
  readonly ratio?: number;
  /** First and third quartile of the ratio, or of the value. */
  readonly spread: readonly [number, number];
  /** More numbers for the JSON output and for rows with conditions. */
  readonly detail?: Readonly<Record<string, number>>;
  /** Why it could not be measured on this computer: the value says nothing. */
  readonly reason?: string;
}

export interface QuestionContext {
  readonly reference: BuiltReference;
  readonly pace: Pace;
  /** Few operations: it only has to be seen to run. */
  readonly smoke: boolean;
}

/** One benchmark file. Each variant runs in processes of its own. */
export interface Question {
  readonly name: string;
  readonly variants: readonly string[];
  measure(variant: string, context: QuestionContext): Promise<readonly Finding[]>;
}

/** The finding of a variant measured in rounds against a base. */
export const pairedFinding = (
  row: string,
  times: RoundTimes,
  variant: string,
  base: string,
): Finding => {
  const all = ratios(times, variant, base);
  return {
    row,
    value: medianNs(times, variant),
    ratio: median(all),
    spread: quartiles(all),
    detail: { baseNs: medianNs(times, base) },
  };
};

/** What this computer has not what it takes to measure. */
export const notMeasured = (row: string, reason: string): Finding => ({
  row,
  value: 0,
  spread: [0, 0],
  reason,
});

/** The finding of repeated values that compare with nothing. */
export const valueFinding = (row: string, values: readonly number[]): Finding => ({
  row,
  value: median(values),
  spread: quartiles(values),
});
