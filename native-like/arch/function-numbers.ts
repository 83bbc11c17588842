// SPDX-License-Identifier: Apache-2.0
// One number for each thing an AP instruction can do: PQAP's function codes as they are, then NQAP and DQAP. Faults, queue states and
// traces name functions by it. Source: docs/reference/ap-architecture.md sections 1.2 and 1.4. Status: the numbers past PQAP's are ours.
import { FC_COUNT, FUNCTION_CODES } from './function-codes.ts';

export const FUNCTION_NQAP = FC_COUNT;
export const FUNCTION_DQAP = FC_COUNT + 1;
export const FUNCTION_COUNT = FC_COUNT + 2;

/** Name of each function, by number. */
export const FUNCTION_NAMES: readonly string[] = [
  ...FUNCTION_CODES.map((row) => row.name),
  'NQAP',
  'DQAP',
];
