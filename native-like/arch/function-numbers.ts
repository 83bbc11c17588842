// SPDX-License-Identifier: Apache-2.0
// A number for each thing that an AP instruction can do: the function codes of PQAP as they are, then NQAP and DQAP. Faults, queue states
// and traces use these numbers. Source: docs/reference/ap-architecture.md sections 1.2 and 1.4. Status: the numbers above PQAP's are a
// choice.
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
