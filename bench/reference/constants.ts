// SPDX-License-Identifier: Apache-2.0
// The layout and architecture numbers for the reference kernels, generated from the tables the emulator itself uses.
// Source: docs/design.md section 8 rule 1 (nothing is written twice).
import * as facilities from '../../native-like/arch/facilities.ts';
import * as functionCodes from '../../native-like/arch/function-codes.ts';
import * as functionNumbers from '../../native-like/arch/function-numbers.ts';
import * as instructions from '../../native-like/arch/instructions.ts';
import * as limits from '../../native-like/arch/limits.ts';
import * as interruptions from '../../native-like/arch/program-interruptions.ts';
import * as psw from '../../native-like/arch/psw.ts';
import * as registers from '../../native-like/arch/registers.ts';
import * as responseCodes from '../../native-like/arch/response-codes.ts';
import * as statusWord from '../../native-like/arch/status-word.ts';
import * as layout from '../../native-like/machine/layout.ts';
import * as outcome from '../../native-like/machine/outcome.ts';

const TABLES: readonly Readonly<Record<string, unknown>>[] = [
  layout,
  facilities,
  functionCodes,
  functionNumbers,
  psw,
  outcome,
  instructions,
  limits,
  interruptions,
  registers,
  responseCodes,
  statusWord,
];

/** Every exported number by name. Throws when two tables give one name different values. */
export const constants = (): ReadonlyMap<string, number> => {
  const all = new Map<string, number>();
  for (const table of TABLES) {
    for (const [name, value] of Object.entries(table)) {
      if (typeof value !== 'number' || !/^[A-Z]/.test(name)) continue;
      if (all.has(name) && all.get(name) !== value)
        throw new Error(`${name} has two values: ${all.get(name)} and ${value}`);
      all.set(name, value);
    }
  }
  return all;
};

/** A 32-bit word as a C constant. The most negative one has no literal of its own. */
const word = (value: number): string =>
  (value | 0) === -0x80000000 ? '(-0x7fffffff - 1)' : `(${value | 0})`;

/** `layout.h`: one macro a number. */
export const layoutHeader = (): string =>
  [...constants()].map(([name, value]) => `#define ${name} ${word(value)}\n`).join('');

/** The same as JavaScript declarations, to be put before the frozen kernel's text. */
export const layoutDeclarations = (): string =>
  [...constants()].map(([name, value]) => `const ${name} = ${value | 0};\n`).join('');
