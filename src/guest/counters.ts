// SPDX-License-Identifier: Apache-2.0
// Counts of executed AP instructions by function and response code, in one Int32Array for each CPU.

/** Functions that are counted, in the order of their rows. The first nine are PQAP function codes 0 to 8. */
const COUNTED_FUNCTIONS = [
  'TAPQ',
  'RAPQ',
  'ZAPQ',
  'AQIC',
  'QCI',
  'QACT',
  'QBAP',
  'BAPQ',
  'AAPQ',
  'NQAP',
  'DQAP',
] as const;
export const COUNTED_NQAP = 9;
export const COUNTED_DQAP = 10;

/** Columns of a row: response codes 00 to FF, then the endings without a response code. */
export const COLUMN_CC1 = 256;
export const COLUMN_CC2 = 257;
export const COLUMN_PROGRAM_INTERRUPTION = 258;
export const COUNTER_COLUMNS = 260;

/** Number of words in an array of counters. A caller may pass a view of shared memory of this length. */
export const COUNTER_WORDS = COUNTED_FUNCTIONS.length * COUNTER_COLUMNS;

/** One non-zero counter. `outcome` is the response code as two hexadecimal digits, or `cc=1`, `cc=2`, `pgm`. */
export interface CounterRow {
  readonly function: string;
  readonly outcome: string;
  readonly count: number;
}

const outcomeName = (column: number): string => {
  if (column === COLUMN_CC1) return 'cc=1';
  if (column === COLUMN_CC2) return 'cc=2';
  if (column === COLUMN_PROGRAM_INTERRUPTION) return 'pgm';
  return column.toString(16).toUpperCase().padStart(2, '0');
};

/** The non-zero counters in the order of functions and response codes. Counts are modulo 2^32. */
export const counterRows = (counters: Int32Array): CounterRow[] => {
  const rows: CounterRow[] = [];
  for (const [index, name] of COUNTED_FUNCTIONS.entries()) {
    for (let column = 0; column < COUNTER_COLUMNS; column++) {
      const count = counters[index * COUNTER_COLUMNS + column] >>> 0;
      if (count !== 0) rows.push({ function: name, outcome: outcomeName(column), count });
    }
  }
  return rows;
};
