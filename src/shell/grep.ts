// SPDX-License-Identifier: Apache-2.0
// grep over files, directories and standard input.
// Source: GNU grep 3.8 (options, exit status); POSIX.1-2017, section 9 (basic and extended regular expressions).
import type { CommandResult } from '../sysfs/command.ts';
import { lettersOf, Report } from '../sysfs/file-tree.ts';
import { escapeRegExp } from '../sysfs/find.ts';
import type { Invocation } from './command-row.ts';
import { linesOf, textsOf } from './texts.ts';

/** In basic expressions these are ordinary, and special with a backslash; in ours it is the other way round. */
const SWAPPED = '(){}|+?';

/** A basic regular expression as an extended one. */
function fromBasic(source: string): string {
  let result = '';
  for (let i = 0; i < source.length; i++) {
    const c = source[i] as string;
    const next = source[i + 1];
    if (c === '\\' && next !== undefined) {
      result += SWAPPED.includes(next) ? next : `\\${next}`;
      i++;
    } else if (SWAPPED.includes(c)) result += `\\${c}`;
    else if (c === '*' && (i === 0 || result.endsWith('^') || result.endsWith('(')))
      result += '\\*';
    else result += c;
  }
  return result;
}

const CLASSES: Readonly<Record<string, string>> = {
  alpha: 'a-zA-Z',
  digit: '0-9',
  alnum: 'a-zA-Z0-9',
  lower: 'a-z',
  upper: 'A-Z',
  xdigit: '0-9a-fA-F',
  space: '\\s',
  blank: ' \\t',
};

/** The expression grep looks for; undefined if it makes no sense. */
function expressionOf(pattern: string, flags: ReadonlySet<string>): RegExp | undefined {
  let source = pattern;
  if (flags.has('F')) source = escapeRegExp(source);
  else {
    if (!flags.has('E')) source = fromBasic(source);
    source = source.replace(/\[:(\w+):\]/g, (_, name: string) => CLASSES[name] ?? '');
  }
  if (flags.has('w')) source = `(?<!\\w)(?:${source})(?!\\w)`;
  if (flags.has('x')) source = `^(?:${source})$`;
  try {
    return new RegExp(source, flags.has('i') ? 'gi' : 'g');
  } catch {
    return undefined;
  }
}

/** Files below a directory, in order; a file itself. Links below it are not followed. */
function filesBelow({ context }: Invocation, path: string): string[] {
  const status = context.files.stat(path);
  if (!status.ok || status.kind !== 'dir') return [path];
  const listing = context.files.list(path);
  if (!listing.ok) return [];
  return listing.names.flatMap((name) => {
    const child = `${path.replace(/\/$/, '')}/${name}`;
    const below = context.files.lstat(child);
    if (!below.ok || below.kind === 'link') return [];
    if (below.kind === 'file') return below.mode & 0o444 ? [child] : [];
    return filesBelow({ context } as Invocation, child);
  });
}

/** Status 0 a line matched, 1 none, 2 trouble. */
export function grep(invocation: Invocation): CommandResult {
  const given = [...invocation.args];
  const at = given.indexOf('-e');
  const explicit = at < 0 ? undefined : given.splice(at, 2)[1];
  const { flags, operands, refused } = lettersOf('grep', given, 'cEFhHilnoqrRsvwx');
  const [first, ...others] = operands;
  const pattern = explicit ?? first;
  const report = new Report();
  if (refused !== undefined || pattern === undefined) {
    report.fail(refused ?? 'Usage: grep [OPTION]... PATTERNS [FILE]...', 2);
    return report.result();
  }
  const expression = expressionOf(pattern, flags);
  if (expression === undefined) {
    report.fail('grep: Invalid regular expression', 2);
    return report.result();
  }
  const paths = explicit === undefined ? others : operands;
  const recursive = flags.has('r') || flags.has('R');
  const files = recursive
    ? (paths.length === 0 ? ['.'] : paths).flatMap((path) => filesBelow(invocation, path))
    : paths;
  const named = (files.length > 1 || recursive || flags.has('H')) && !flags.has('h');
  let found = false;
  for (const { name, text } of textsOf(invocation, files, report, 2)) {
    const hits = matches(linesOf(text), expression, flags);
    found ||= hits.length > 0;
    if (flags.has('q')) continue;
    const prefix = named ? `${name}:` : '';
    if (flags.has('l')) report.stdout += hits.length > 0 ? `${name}\n` : '';
    else if (flags.has('c')) report.stdout += `${prefix}${hits.length}\n`;
    else for (const hit of hits) report.stdout += `${prefix}${hit}\n`;
  }
  if (report.status === 0 || (flags.has('q') && found)) report.status = found ? 0 : 1;
  if (flags.has('s')) report.stderr = '';
  return report.result();
}

function matches(
  lines: readonly string[],
  expression: RegExp,
  flags: ReadonlySet<string>,
): string[] {
  return lines.flatMap((line, n) => {
    const parts = [...line.matchAll(expression)].map(([part]) => part);
    if (parts.length > 0 === flags.has('v')) return [];
    const number = flags.has('n') ? `${n + 1}:` : '';
    if (!flags.has('o')) return [`${number}${line}`];
    return parts.filter((part) => part !== '').map((part) => `${number}${part}`);
  });
}
