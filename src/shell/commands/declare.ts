// SPDX-License-Identifier: Apache-2.0
// The builtins that declare variables: declare, typeset, local, readonly, export, unset, let.
// Source: bash 5.2, manual, sections 4.2 and 4.3, and messages.
import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import { traced } from '../language/parameters.ts';
import { VariableError, type Variables } from '../language/variables.ts';
import type { CommandRow, Invocation } from './command-row.ts';

export const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A variable as the assignment that would make it again. */
export function declaration(variables: Variables, name: string): string {
  if (variables.array(name) === undefined) return `${name}=${traced(variables.get(name) ?? '')}`;
  const elements = variables.elements(name).map(([key, text]) => `[${key}]="${text}"`);
  return `${name}=(${elements.join(' ')})`;
}

/** declare, typeset, local, readonly, export, with options, names and assignments. */
async function declare(invocation: Invocation): Promise<CommandResult> {
  const { name: command, args, context } = invocation;
  const { variables } = context;
  const options = args.filter((arg) => /^[-+][A-Za-z]+$/.test(arg)).join('');
  const names = args.filter((arg) => !/^[-+]/.test(arg));
  if (command === 'local' && !variables.inFunction)
    return failed('bash: local: can only be used in a function');
  if (options.includes('f') || options.includes('F')) return functionsOf(invocation, names);
  const isLocal =
    variables.inFunction && /^(?:local|declare|typeset)$/.test(command) && !options.includes('g');
  const prepare = (name: string, isArray: boolean): void => {
    if (isLocal) variables.makeLocal(name);
    if (options.includes('A') && variables.array(name)?.kind !== 'associative')
      variables.setArray(name, 'associative', []);
    else if ((options.includes('a') || isArray) && variables.array(name) === undefined)
      variables.setArray(name, 'indexed', []);
    if (options.includes('i')) variables.makeInteger(name);
  };
  if (
    options.includes('p') ||
    (names.length + args.length + invocation.declared === 0 && command !== 'local')
  )
    return printed(invocation, names);
  const assigned = await invocation.declare(prepare);
  let stderr = '';
  for (const name of names) {
    // An assignment that was not a literal word, as in `export "$name=$value"`.
    const [, plain = name, text] = /^(\w+)=(.*)$/s.exec(name) ?? [];
    if (!IDENTIFIER.test(plain)) {
      stderr += `bash: ${command}: \`${name}': not a valid identifier\n`;
      continue;
    }
    prepare(plain, false);
    if (text !== undefined) variables.set(plain, text);
    assigned.push(plain);
  }
  if (command === 'readonly' || options.includes('r'))
    for (const name of assigned) variables.makeReadonly(name);
  return { stdout: '', stderr, status: stderr === '' ? 0 : 1 };
}

function printed(
  { name, context: { variables } }: Invocation,
  names: readonly string[],
): CommandResult {
  const wanted = names.length > 0 ? names : variables.keys().sort();
  const missing = wanted.find((one) => !variables.has(one));
  if (missing !== undefined) return failed(`bash: ${name}: ${missing}: not found`);
  const line = (one: string): string => {
    const kind = variables.array(one)?.kind;
    const letter = kind === 'indexed' ? '-a' : kind === 'associative' ? '-A' : '--';
    const text =
      kind === undefined ? `${one}="${variables.get(one) ?? ''}"` : declaration(variables, one);
    return `declare ${letter} ${text}\n`;
  };
  return done(wanted.map(line).join(''));
}

function functionsOf(
  { context: { functions } }: Invocation,
  names: readonly string[],
): CommandResult {
  const wanted = names.length > 0 ? names : [...functions.keys()].sort();
  const known = wanted.filter((name) => functions.has(name));
  const stdout = known.map((name) => `${names.length > 0 ? '' : 'declare -f '}${name}\n`).join('');
  return { stdout, stderr: '', status: known.length === wanted.length ? 0 : 1 };
}

async function unset({ args, context, evaluate }: Invocation): Promise<CommandResult> {
  const { variables, functions } = context;
  const ofFunctions = args[0] === '-f';
  for (const name of args.filter((arg) => arg !== '-v' && arg !== '-f')) {
    const element = /^(\w+)\[(.*)\]$/.exec(name);
    try {
      if (ofFunctions) functions.delete(name);
      else if (element !== null) {
        const [, array = '', index = ''] = element;
        const associative = variables.array(array)?.kind === 'associative';
        variables.deleteElement(array, associative ? index : String(evaluate(index)));
      } else if (variables.has(name)) variables.delete(name);
      else functions.delete(name);
    } catch (error) {
      if (!(error instanceof VariableError)) throw error;
      return failed(`bash: unset: ${name}: cannot unset: readonly variable`);
    }
  }
  return done('');
}

function letNumbers({ args, evaluate }: Invocation): CommandResult {
  if (args.length === 0) return failed('bash: let: expression expected');
  const value = args.map((arg) => evaluate(arg)).at(-1);
  return { ...done(''), status: value === 0n ? 1 : 0 };
}

export const DECLARATIONS: readonly CommandRow[] = [
  {
    name: 'declare',
    usage: '[-aAgipr] NAME[=VALUE]…',
    meaning: 'declares variables and arrays',
    run: declare,
  },
  { name: 'typeset', usage: '[-aAgipr] NAME[=VALUE]…', meaning: 'the same', run: declare },
  {
    name: 'local',
    usage: '[-aAir] NAME[=VALUE]…',
    meaning: 'variables of a function',
    run: declare,
  },
  { name: 'readonly', usage: 'NAME[=VALUE]…', meaning: 'variables that stay', run: declare },
  { name: 'export', usage: 'NAME[=TEXT]…', meaning: 'sets variables', run: declare },
  { name: 'unset', usage: '[-f] NAME…', meaning: 'forgets variables and functions', run: unset },
  { name: 'let', usage: 'EXPRESSION…', meaning: 'arithmetic', run: letNumbers },
];
