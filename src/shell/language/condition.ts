// SPDX-License-Identifier: Apache-2.0
// `[[ … ]]`: conditions whose operands are neither split nor expanded to names of files.
// Source: bash 5.2, manual, sections 3.2.5.2 and 6.4.

import { Glob } from '../../sysfs/glob.ts';
import { compareFiles, UNARY } from '../commands/test-command.ts';
import type { ShellContext } from '../context.ts';
import type { Condition } from './ast.ts';
import type { Expander } from './expand.ts';
import { ExpansionError, parameter, traced } from './parameters.ts';
import { loadRegex, Regex, RegexError } from './regex.ts';

type Trace = ((text: string) => void) | undefined;

/** Evaluates a condition. 0: it holds; 1: it does not; 2: its regular expression is not valid. */
export async function holds(
  condition: Condition,
  context: ShellContext,
  expander: Expander,
  trace: Trace,
): Promise<number> {
  try {
    return (await decide(condition, context, expander, trace)) ? 0 : 1;
  } catch (error) {
    if (error instanceof RegexError) return 2;
    throw error;
  }
}

async function decide(
  condition: Condition,
  context: ShellContext,
  expander: Expander,
  trace: Trace,
): Promise<boolean> {
  const inner = (one: Condition): Promise<boolean> => decide(one, context, expander, trace);
  switch (condition.kind) {
    case 'not':
      return !(await inner(condition.condition));
    case 'and':
      return (await inner(condition.left)) && inner(condition.right);
    case 'or':
      return (await inner(condition.left)) || inner(condition.right);
    case 'unary': {
      const text = await expander.text(condition.word);
      trace?.(`${condition.operator} ${traced(text)}`);
      return unary(condition.operator, text, context);
    }
    case 'binary':
      return binary(condition, context, expander, trace);
  }
}

function unary(operator: string, text: string, context: ShellContext): boolean {
  if (operator === '-v')
    return parameter(context, text) !== undefined || context.variables.has(text);
  const test = Object.hasOwn(UNARY, operator) ? UNARY[operator] : undefined;
  if (test === undefined) throw new ExpansionError(`${operator}: unary operator expected`);
  return test(text, context.files);
}

const NUMERIC: Readonly<Record<string, (a: bigint, b: bigint) => boolean>> = {
  '-eq': (a, b) => a === b,
  '-ne': (a, b) => a !== b,
  '-lt': (a, b) => a < b,
  '-le': (a, b) => a <= b,
  '-gt': (a, b) => a > b,
  '-ge': (a, b) => a >= b,
};

async function binary(
  { operator, left, right }: Extract<Condition, { kind: 'binary' }>,
  context: ShellContext,
  expander: Expander,
  trace: Trace,
): Promise<boolean> {
  const a = await expander.text(left);
  if (operator === '=~') {
    const source = await expander.regex(right);
    trace?.(`${traced(a)} =~ ${source}`);
    return matchesRegex(a, source, context);
  }
  const equality = operator === '=' || operator === '==' || operator === '!=';
  const b = equality ? await expander.pattern(right) : await expander.text(right);
  trace?.(`${traced(a)} ${operator} ${equality ? b : traced(b)}`);
  if (equality) return new Glob(b).test(a) !== (operator === '!=');
  if (operator === '<') return a < b;
  if (operator === '>') return a > b;
  const numeric = NUMERIC[operator];
  if (numeric === undefined) return compareFiles(operator, a, b, context.files);
  return numeric(expander.evaluate(a), expander.evaluate(b));
}

async function matchesRegex(text: string, source: string, context: ShellContext): Promise<boolean> {
  await loadRegex();
  const match = Regex.extended(source).match(text);
  const groups = (match?.groups ?? []).map((group, n): [string, string] => [`${n}`, group ?? '']);
  context.variables.setArray('BASH_REMATCH', 'indexed', groups);
  return match !== undefined;
}
