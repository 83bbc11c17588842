// SPDX-License-Identifier: Apache-2.0
// Printer of what an operator does: a verb of lpar-verbs.ts with its operands.
// Source: docs/design.md section 6.

import { formatApqn, formatDuration } from '../config/units.ts';
import { LPAR_VERBS, type LparOperand, type LparVerb } from './lpar-verbs.ts';

const PRINTERS: Readonly<Record<LparOperand, (value: number) => string>> = {
  apid: (value) => `0x${value.toString(16).padStart(2, '0')}`,
  apqi: (value) => `0x${value.toString(16).padStart(2, '0')}`,
  apqn: formatApqn,
  duration: formatDuration,
  rc: (value) => value.toString(16).padStart(2, '0'),
};

/** The text after `lpar:`. */
export function printLparOperation(verb: LparVerb, values: readonly number[]): string {
  const row = LPAR_VERBS.find((candidate) => candidate.verb === verb);
  const kinds: readonly LparOperand[] = row?.operands ?? [];
  return [verb, ...kinds.map((kind, index) => PRINTERS[kind](values[index]))].join(' ');
}
