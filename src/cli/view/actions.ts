// SPDX-License-Identifier: Apache-2.0
// What the page of a partition may ask for: a line of the shell for each, made of parts that are looked at one by one.
// Source: docs/view.md.

import { FAULT_INSTRUCTIONS } from '../../config/types.ts';

/** How an operand is written, and how it is called where it is wrong. */
interface Operand {
  readonly name: string;
  readonly pattern: RegExp;
  readonly expected: string;
}

interface ActionRow {
  readonly operands: readonly Operand[];
  readonly line: (operands: readonly string[]) => string;
}

const APID: Operand = {
  name: 'adapter',
  pattern: /^[0-9a-f]{2}$/,
  expected: 'two hexadecimal digits',
};
const APQN: Operand = {
  name: 'queue',
  pattern: /^[0-9a-f]{2}\.00[0-9a-f]{2}$/,
  expected: 'a queue such as 05.0004',
};
const INSTRUCTION: Operand = {
  name: 'instruction',
  pattern: new RegExp(`^(?:${FAULT_INSTRUCTIONS.join('|')})$`),
  expected: `one of ${FAULT_INSTRUCTIONS.join(', ')}`,
};
const CODE: Operand = {
  name: 'response code',
  pattern: /^[0-9a-f]{2}$/,
  expected: 'two hexadecimal digits',
};
const COUNT: Operand = {
  name: 'count',
  pattern: /^[1-9]\d{0,5}$/,
  expected: 'a number, 1 to 999999',
};

const lpar = (verb: string): ActionRow => ({
  operands: [APID],
  line: ([apid]) => `lpar ${verb} ${apid}`,
});

const ACTIONS: Readonly<Record<string, ActionRow>> = {
  configure: lpar('configure'),
  deconfigure: lpar('deconfigure'),
  checkstop: lpar('checkstop'),
  recover: lpar('recover'),
  fault: {
    operands: [APQN, INSTRUCTION, CODE, COUNT],
    line: ([apqn, on, rc, count]) => `fault ${apqn} on=${on} rc=${rc} count=${count}`,
  },
  'clear-faults': { operands: [], line: () => 'fault clear' },
};

export type Asked =
  | { readonly ok: true; readonly line: string }
  | { readonly ok: false; readonly why: string };

const wrong = (why: string): Asked => ({ ok: false, why });

/** The command line for a request such as `{ action: 'deconfigure', operands: ['05'] }`; the reason, if it is not a valid request. */
export function lineOf(request: unknown): Asked {
  if (typeof request !== 'object' || request === null) return wrong('expected an object');
  const { action, operands } = request as {
    readonly action?: unknown;
    readonly operands?: unknown;
  };
  const row =
    typeof action === 'string' && Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (row === undefined) return wrong(`expected an action: ${Object.keys(ACTIONS).join(', ')}`);
  if (!Array.isArray(operands) || operands.length !== row.operands.length)
    return wrong(`expected ${row.operands.length} operands`);
  const texts: string[] = [];
  for (const [n, { name, pattern, expected }] of row.operands.entries()) {
    const operand: unknown = operands[n];
    if (typeof operand !== 'string' || !pattern.test(operand))
      return wrong(`the ${name} is wrong (expected ${expected})`);
    texts.push(operand);
  }
  return { ok: true, line: row.line(texts) };
}
