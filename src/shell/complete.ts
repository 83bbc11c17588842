// SPDX-License-Identifier: Apache-2.0
// Completion of a line: commands, verbs and guests, variables, paths.
// Source: docs/design.md section 7.
import { LPAR_VERBS } from '../program/lpar-verbs.ts';
import { COMMANDS } from './commands/commands.ts';
import { GUEST_VERBS } from './commands/guest-command.ts';
import type { ShellContext } from './context.ts';

/** What the word at the end of the line may become, and that word. */
export interface Completion {
  readonly candidates: readonly string[];
  readonly word: string;
}

const RESERVED = ['if', 'then', 'elif', 'else', 'fi', 'for', 'while', 'until', 'do', 'done'];

/** Words after a command that are no paths. */
const WORDS: Readonly<
  Record<string, (context: ShellContext, before: readonly string[]) => readonly string[]>
> = {
  guest: ({ machine }, { length }) =>
    length === 1 ? GUEST_VERBS : length === 2 ? machine.guests.map(({ name }) => name) : [],
  lpar: (_, { length }) => (length === 1 ? LPAR_VERBS.map(({ verb }) => verb) : []),
  clock: (_, { length }) => (length === 1 ? ['advance', 'run'] : []),
  fault: ({ machine }, { length }) =>
    length === 1 ? ['any', 'clear', ...machine.guests.map(({ name }) => name)] : [],
  mdevctl: (_, { length }) =>
    length === 1 ? ['types', 'list', 'define', 'start', 'stop', 'modify', 'undefine'] : [],
  help: () => [...COMMANDS.keys()],
};

/** Completes the end of a line. A single candidate that is complete ends with a blank, a directory with a slash. */
export function complete(context: ShellContext, line: string): Completion {
  const last = /[^|;&!]*$/.exec(line)?.[0] ?? '';
  const words = last.trimStart().split(/\s+/);
  while (/^(then|else|do|if|elif|while|until|!|\w+=.*)$/.test(words[0] ?? '') && words.length > 1)
    words.shift();
  const word = words.at(-1) ?? '';
  const variable = /\$\{?(\w*)$/.exec(word);
  if (variable !== null) return variables(context, word, variable[1]);
  if (words.length === 1 && !/[/>]/.test(word))
    return pick(word, [...COMMANDS.keys(), ...RESERVED]);
  const known = WORDS[words[0]];
  const special = known?.(context, words.slice(0, -1)) ?? [];
  return special.length > 0 ? pick(word, special) : paths(context, word.replace(/^[0-2]?>+/, ''));
}

function pick(word: string, names: readonly string[]): Completion {
  const hits = [...new Set(names)].filter((name) => name.startsWith(word)).sort();
  return { candidates: hits.map((name) => (hits.length === 1 ? `${name} ` : name)), word };
}

function variables(context: ShellContext, word: string, start: string): Completion {
  const prefix = word.slice(0, word.length - start.length);
  const names = [...context.variables.keys()].filter((name) => name.startsWith(start)).sort();
  return { candidates: names.map((name) => `${prefix}${name}`), word };
}

function paths(context: ShellContext, word: string): Completion {
  const slash = word.lastIndexOf('/');
  const typed = word.slice(0, slash + 1);
  const start = word.slice(slash + 1);
  // Variables in the part typed already, so that /sys/…/$Guest1/ has completions.
  const folder = typed.replace(/\$\{?(\w+)\}?/g, (all, name) => context.variables.get(name) ?? all);
  const listing = context.files.list(folder === '' ? '.' : folder);
  if (!listing.ok) return { candidates: [], word };
  const hits = listing.names
    .filter((name) => name.startsWith(start) && (!name.startsWith('.') || start.startsWith('.')))
    .map((name) => {
      const status = context.files.stat(folder === '' ? name : `${folder}${name}`);
      return `${typed}${name}${status.ok && status.kind === 'dir' ? '/' : ''}`;
    });
  const [only] = hits;
  if (hits.length === 1 && only !== undefined && !only.endsWith('/'))
    return { candidates: [`${only} `], word };
  return { candidates: hits, word };
}
