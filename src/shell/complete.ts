// SPDX-License-Identifier: Apache-2.0
// Completion of a line: commands, verbs and guests, variables, paths.
// Source: docs/design.md section 7.
import { commandsOf } from './commands/commands.ts';
import type { ShellContext } from './context.ts';
import { RESERVED } from './language/grammar.ts';

/** What the word at the end of the line can become, and that word. */
export interface Completion {
  readonly candidates: readonly string[];
  readonly word: string;
}

/** Words after a command that are not paths. */
const WORDS: Readonly<
  Record<string, (context: ShellContext, before: readonly string[]) => readonly string[]>
> = {
  guest: ({ machine }, { length }) => (length === 2 ? machine.guests.map(({ name }) => name) : []),
  fault: ({ host }, { length }) =>
    length === 1 ? ['any', 'clear', ...(host?.guests ?? []).map(({ name }) => name)] : [],
  set: () => ['errexit', 'nounset', 'pipefail', 'xtrace', 'noglob'],
  modprobe: () => ['ap', 'zcrypt', 'zcrypt_cex4', 'vfio_ap', 'pkey', 'mdev', 'vfio'],
  mdevctl: (context, before) =>
    /^(?:-u|--uuid)$/.test(before.at(-1) ?? '') ? uuidsOf(context) : [],
  lszcrypt: (context) => devicesOf(context),
  chzcrypt: (context) => devicesOf(context),
  help: (context) => [...commandsOf(context).keys()],
};

const namesIn = ({ files }: ShellContext, path: string): readonly string[] => {
  const listing = files.list(path);
  return listing.ok ? listing.names : [];
};

/** Names of cards and queues, in the form that lszcrypt and chzcrypt accept. */
const devicesOf = (context: ShellContext): string[] =>
  namesIn(context, '/sys/bus/ap/devices').map((name) => name.replace(/^card/, ''));

const uuidsOf = (context: ShellContext): string[] =>
  namesIn(context, '/sys/devices/vfio_ap/matrix').filter((name) => /^[0-9a-f]{8}-/.test(name));

/** Completes the end of a line. If there is only one candidate and it is complete, a blank follows it, or a slash for a directory. */
export function complete(context: ShellContext, line: string): Completion {
  const last = /[^|;&!]*$/.exec(line)?.[0] ?? '';
  const words = last.trimStart().split(/\s+/);
  while (/^(then|else|do|if|elif|while|until|!|\w+=.*)$/.test(words[0] ?? '') && words.length > 1)
    words.shift();
  const word = words.at(-1) ?? '';
  const variable = /\$\{?(\w*)$/.exec(word);
  if (variable !== null) return variables(context, word, variable[1]);
  if (words.length === 1 && !/[/>]/.test(word))
    return pick(word, [...commandsOf(context).keys(), ...context.functions.keys(), ...RESERVED]);
  // After sudo and the like, the command is what follows.
  while (/^(?:sudo|env|command|nohup)$/.test(words[0]) && words.length > 1) words.shift();
  if (words.length === 1) return pick(word, [...commandsOf(context).keys()]);
  const row = commandsOf(context).get(words[0]);
  if (word.startsWith('-')) return pick(word, row?.options ?? []);
  const verbs = words.length === 2 ? (row?.verbs ?? []) : [];
  const known = Object.hasOwn(WORDS, words[0]) ? WORDS[words[0]] : undefined;
  const special = [...verbs, ...(known?.(context, words.slice(0, -1)) ?? [])];
  if (special.some((one) => one.startsWith(word)) && !/[/>]/.test(word)) return pick(word, special);
  return paths(context, word.replace(/^[0-9]?>+/, ''));
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
  // Variables in the part that was typed are replaced, so that /sys/…/$Guest1/ has completions.
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
