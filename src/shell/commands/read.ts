// SPDX-License-Identifier: Apache-2.0
// The builtins that read: read, mapfile.
// Source: bash 5.2, manual, section 4.2, and messages.
import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import { Input } from '../language/input.ts';
import { split } from '../language/parameters.ts';
import type { CommandRow, Invocation } from './command-row.ts';
import { IDENTIFIER } from './declare.ts';

/** Options of `read`. Those about terminals are accepted and have no effect. */
interface ReadOptions {
  raw: boolean;
  array: string | undefined;
  delimiter: string;
  characters: number | undefined;
  fd: number;
  readonly names: string[];
}

function readOptions(args: readonly string[]): ReadOptions | string {
  const options: ReadOptions = {
    ...{ raw: false, array: undefined, delimiter: '\n', characters: undefined, fd: 0, names: [] },
  };
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (!/^-[A-Za-z]/.test(arg) || options.names.length > 0) {
      if (arg !== '--') options.names.push(arg);
      continue;
    }
    for (let at = 1; at < arg.length; at++) {
      const letter = arg[at];
      if (letter === 'r') options.raw = true;
      else if ('adnNtpu'.includes(letter)) {
        const value = arg.slice(at + 1) || (arg.length > at + 1 ? '' : (rest.shift() ?? ''));
        if (letter === 'a') options.array = value;
        if (letter === 'd') options.delimiter = value === '' ? '\0' : value[0];
        if (letter === 'n' || letter === 'N') options.characters = Number(value) || 0;
        if (letter === 'u') options.fd = Number(value);
        break;
      } else if (!'es'.includes(letter)) return `bash: read: -${letter}: invalid option`;
    }
  }
  return options;
}

function read({ args, context, input, streams }: Invocation): CommandResult {
  const options = readOptions(args);
  if (typeof options === 'string') return failed(options, 2);
  const { names, array, fd } = options;
  const bad = names.find((name) => !IDENTIFIER.test(name));
  if (bad !== undefined) return failed(`bash: read: \`${bad}': not a valid identifier`);
  const source = fd === 0 ? input : streams.others.get(fd);
  if (!(source instanceof Input))
    return failed(`bash: read: ${fd}: invalid file descriptor: Bad file descriptor`);
  const { variables } = context;
  const line = lineOf(source, options);
  const separators = variables.get('IFS') ?? ' \t\n';
  const text = line.text;
  if (array !== undefined) {
    const words = split(text, separators).pieces;
    variables.setArray(
      array,
      'indexed',
      words.map((word, n) => [`${n}`, word]),
    );
  } else if (names.length === 0) variables.set('REPLY', text);
  else share(text, names, separators, (name, value) => variables.set(name, value));
  return { ...done(''), status: line.ended ? 1 : 0 };
}

/** Reads a line. Without `-r`, a backslash removes the meaning of the next character, and joins lines. */
function lineOf(
  source: Input,
  { raw, delimiter, characters }: ReadOptions,
): { readonly text: string; readonly ended: boolean } {
  if (characters !== undefined) {
    const text = source.take(characters);
    return { text, ended: text.length < characters };
  }
  let text = '';
  for (;;) {
    const piece = source.upTo(delimiter);
    if (piece === undefined) return { text, ended: true };
    text += piece.text;
    if (raw) return { text, ended: piece.ended };
    if (piece.ended || !/(?:^|[^\\])(?:\\\\)*\\$/.test(piece.text))
      return { text: text.replace(/\\(.)/g, '$1'), ended: piece.ended };
    text = text.slice(0, -1);
  }
}

/** Assigns words to names. The last name gets the rest as it is. */
function share(
  text: string,
  names: readonly string[],
  separators: string,
  set: (name: string, value: string) => void,
): void {
  const blanks = [...separators].filter((c) => ' \t\n'.includes(c)).join('');
  const trim = (value: string): string => {
    let [from, to] = [0, value.length];
    while (from < to && blanks.includes(value[from])) from++;
    while (to > from && blanks.includes(value[to - 1])) to--;
    return value.slice(from, to);
  };
  let rest = trim(text);
  names.forEach((name, n) => {
    if (n === names.length - 1) {
      const { pieces } = split(rest, separators);
      // If there is only one word, a separator after it that is not a blank is removed.
      set(name, pieces.length === 1 ? pieces[0] : rest);
      return;
    }
    let end = 0;
    while (end < rest.length && !separators.includes(rest[end])) end++;
    set(name, rest.slice(0, end));
    rest = trim(rest.slice(end));
    if (rest !== '' && separators.includes(rest[0])) rest = trim(rest.slice(1));
    else if (end === 0) rest = trim(rest);
  });
}

/** `mapfile [-t] [-d C] [NAME]`: reads lines into an array. */
function mapfile({ args, context, input }: Invocation): CommandResult {
  let [strip, delimiter, name] = [false, '\n', 'MAPFILE'];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (arg === '-t') strip = true;
    else if (arg === '-d') delimiter = (args[++i] ?? '')[0] ?? '\0';
    else if (arg.startsWith('-')) return failed(`bash: mapfile: ${arg}: invalid option`, 2);
    else name = arg;
  }
  if (!IDENTIFIER.test(name)) return failed(`bash: mapfile: \`${name}': not a valid identifier`);
  const lines: [string, string][] = [];
  for (let line = input.upTo(delimiter); line !== undefined; line = input.upTo(delimiter))
    lines.push([`${lines.length}`, line.text + (strip || line.ended ? '' : delimiter)]);
  context.variables.setArray(name, 'indexed', lines);
  return done('');
}

export const READERS: readonly CommandRow[] = [
  {
    name: 'read',
    usage: '[-r] [-a ARRAY] [-d C] [-n N] [-u FD] [NAME…]',
    meaning: 'reads a line into variables',
    run: read,
  },
  {
    name: 'mapfile',
    usage: '[-t] [-d C] [ARRAY]',
    meaning: 'reads lines into an array',
    run: mapfile,
  },
  { name: 'readarray', usage: '[-t] [-d C] [ARRAY]', meaning: 'the same', run: mapfile },
];
