// SPDX-License-Identifier: Apache-2.0
// Functions of the loopback mode: one.
import type { FunctionRow } from '../function-row.ts';

/** Loopback's only function. */
export const LOOPBACK_FUNCTIONS: readonly FunctionRow[] = [
  { code: 'any', name: 'return the request', support: 'full', clear: true },
];

/** The function's name for service times and fault rules. */
export function loopbackFunction(): string {
  return 'loopback';
}
