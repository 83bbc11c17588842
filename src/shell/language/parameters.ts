// SPDX-License-Identifier: Apache-2.0
// The values of parameters, and what the operators of `${…}` and field splitting make of a value.
// Source: POSIX.1-2017, shell command language, sections 2.5 and 2.6.5; bash 5.2, manual, section 3.5.3.

import { Glob } from '../../sysfs/glob.ts';
import { NS_PER_SECOND } from '../../units.ts';
import type { ShellContext } from '../context.ts';
import type { ParameterForm } from './ast.ts';
import { bounded } from './limits.ts';

/** An expansion that is not possible: `bash: message` is printed, and the command is not run. */
export class ExpansionError extends Error {
  /** Exit status of a script that ends because of it. */
  readonly status: number;

  constructor(message: string, status = 1) {
    super(message);
    this.status = status;
  }
}

/** The shell's process number, which is always the same. */
const PROCESS_ID = '1';

const SPECIAL: Readonly<Record<string, (context: ShellContext) => string | undefined>> = {
  '?': ({ status }) => String(status),
  '#': ({ parameters }) => String(parameters.length - 1),
  '@': ({ parameters }) => parameters.slice(1).join(' '),
  '*': ({ parameters }) => parameters.slice(1).join(' '),
  $: () => PROCESS_ID,
  '!': () => undefined,
  '-': ({ flags }) =>
    `${flags.errexit ? 'e' : ''}${flags.noglob ? 'f' : ''}${flags.nounset ? 'u' : ''}${flags.xtrace ? 'x' : ''}`,
  PWD: ({ files }) => files.directory,
  UID: () => '0',
  EUID: () => '0',
  SECONDS: ({ partition }) => String(Math.floor(partition.nowNs() / NS_PER_SECOND)),
  RANDOM: (context) => String(context.random.next()),
  FUNCNAME: ({ callers }) => callers.at(-1),
  LINENO: () => '1',
};

/** The value of a parameter; undefined where it is not set. */
export function parameter(context: ShellContext, name: string): string | undefined {
  if (/^\d+$/.test(name)) return context.parameters[Number(name)];
  if (Object.hasOwn(SPECIAL, name) && !context.variables.has(name)) return SPECIAL[name]?.(context);
  return context.variables.get(name);
}

/** Returns the function by which an operator with a pattern changes a text. */
export function transformer(
  form: ParameterForm,
  pattern: string,
  replacement: string,
): (text: string) => string {
  const glob = new Glob(pattern === '' && /^[\^,]/.test(form) ? '?' : pattern);
  const which = form.length > 1 ? 'longest' : 'shortest';
  switch (form) {
    case '#':
    case '##':
      return (text) => text.slice(glob.prefix(text, 0, which) ?? 0);
    case '%':
    case '%%':
      return (text) => text.slice(0, glob.suffix(text, which));
    case '/':
    case '//':
      return (text) => bounded(glob.replace(text, replacement, form === '//'), 'a replacement');
    case '/#':
      return (text) => {
        const end = glob.prefix(text, 0, 'longest');
        return end === undefined ? text : replacement + text.slice(end);
      };
    case '/%':
      return (text) => {
        const start = glob.suffix(text, 'longest');
        return start === undefined ? text : text.slice(0, start) + replacement;
      };
    default:
      return (text) => changeCase(text, form, glob);
  }
}

function changeCase(text: string, form: ParameterForm, glob: Glob): string {
  const change = (c: string): string => {
    if (!glob.test(c)) return c;
    return form.startsWith('^') ? c.toUpperCase() : c.toLowerCase();
  };
  if (form.length === 2) return [...text].map(change).join('');
  return text === '' ? '' : change(text[0]) + text.slice(1);
}

/** `:offset:length` of a text or a list. A negative length counts from the end. */
export function slice<T extends string | readonly string[]>(
  value: T,
  [offset, length]: readonly [number, number | undefined],
): T {
  const from = offset < 0 ? Math.max(0, value.length + offset) : offset;
  const to = length === undefined ? undefined : length < 0 ? value.length + length : from + length;
  return value.slice(from, to) as T;
}

/** The pieces of a value between separators, and whether it begins or ends with a separator. */
export interface Split {
  readonly before: boolean;
  readonly pieces: readonly string[];
  readonly after: boolean;
}

/** Field splitting: several blanks are one separator; any other separator ends a field, which may be empty. */
export function split(value: string, separators: string): Split {
  // A short way for most values, which have nothing to split.
  if (value !== '' && separators === ' \t\n' && !/[ \t\n]/.test(value))
    return { before: false, pieces: [value], after: false };
  if (separators === '')
    return { before: false, pieces: value === '' ? [] : [value], after: false };
  const set = (text: string): string => text.replace(/[\]\\^-]/g, '\\$&');
  const blanks = set([...separators].filter((c) => ' \t\n'.includes(c)).join(''));
  const others = set([...separators].filter((c) => !' \t\n'.includes(c)).join(''));
  const run = blanks === '' ? '(?!)' : `[${blanks}]`;
  const start = new RegExp(`^(?:${run})+`).exec(value)?.[0].length ?? 0;
  let end = value.length;
  while (
    end > start &&
    blanks !== '' &&
    ' \t\n'.includes(value[end - 1]) &&
    separators.includes(value[end - 1])
  )
    end--;
  const inside = value.slice(start, end);
  const between =
    others === ''
      ? new RegExp(`${run}+`)
      : new RegExp(`(?:${run})*[${others}](?:${run})*|(?:${run})+`);
  const pieces = inside === '' ? [] : inside.split(between);
  const cut = others !== '' && pieces.at(-1) === '';
  if (cut) pieces.pop();
  return { before: start > 0, pieces, after: cut || end < value.length };
}

/** A word as `set -x` prints it: in single quotes if they are needed. */
export function traced(word: string): string {
  if (word !== '' && !/[^A-Za-z0-9_@%+=:,./{}-]/.test(word)) return word;
  return word === "'" ? "\\'" : `'${word.replaceAll("'", "'\\''")}'`;
}
