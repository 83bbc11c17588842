// SPDX-License-Identifier: Apache-2.0
// Assignments: texts, elements and arrays, `+=`.
// Source: bash 5.2, manual, sections 3.4 and 6.7.
import type { ShellContext } from '../context.ts';
import type { ArrayValue, Assignment, Word } from './ast.ts';
import type { Expander } from './expand.ts';
import { traced } from './parameters.ts';

const isArray = (value: Word | ArrayValue): value is ArrayValue => 'elements' in value;

/** Makes an assignment. `trace` is given the assignment as `set -x` shows it. */
export async function assign(
  assignment: Assignment,
  context: ShellContext,
  expander: Expander,
  trace: (text: string) => void = () => {},
): Promise<void> {
  const { name, index, append, value } = assignment;
  const { variables } = context;
  if (isArray(value)) {
    await assignArray(name, value, append, context, expander);
    trace(
      `${name}=(${variables
        .elements(name)
        .map(([, text]) => traced(text))
        .join(' ')})`,
    );
    return;
  }
  const text = await expander.text(value);
  const key = index === undefined ? undefined : await expander.key(name, index);
  const place = key === undefined ? name : `${name}[${key}]`;
  trace(`${place}${append ? '+' : ''}=${traced(text)}`);
  const integer = variables.isInteger(name);
  const before = append
    ? key === undefined
      ? variables.get(name)
      : variables.element(name, key)
    : '';
  const sum = integer && append ? `${before || '0'}+(${text})` : `${before ?? ''}${text}`;
  const whole = integer ? String(expander.evaluate(sum)) : sum;
  if (key === undefined) variables.set(name, whole);
  else variables.setElement(name, key, whole);
}

async function assignArray(
  name: string,
  { elements }: ArrayValue,
  append: boolean,
  context: ShellContext,
  expander: Expander,
): Promise<void> {
  const { variables } = context;
  const kind = variables.array(name)?.kind ?? 'indexed';
  const made = new Map<string, string>(append ? variables.elements(name) : []);
  let next = kind === 'indexed' ? 1 + Math.max(-1, ...[...made.keys()].map(Number)) : 0;
  for (const { index, word } of elements) {
    if (index === undefined) {
      for (const field of await expander.fields([word])) made.set(String(next++), field);
      continue;
    }
    const key = await expander.key(name, index);
    made.set(key, await expander.text(word));
    next = Number(key) + 1;
  }
  variables.setArray(name, kind, made);
}
