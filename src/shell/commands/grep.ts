// SPDX-License-Identifier: Apache-2.0
// grep in files, directories and standard input.
// Source: GNU grep 3.8 (options, exit status); POSIX.1-2017, section 9 (basic and extended regular expressions).
import type { CommandResult } from '../../sysfs/command.ts';
import { lettersOf, Report } from '../../sysfs/file-tree.ts';
import { fromBasic, loadRegex, Regex, RegexError } from '../language/regex.ts';
import type { Invocation } from './command-row.ts';
import { linesOf, textsOf } from './texts.ts';

/** Number of lines between two looks for Ctrl-C. */
const LINES_A_BREATH = 2000;

/** The expression that grep looks for. Throws RegexError. */
function expressionOf(patterns: readonly string[], flags: ReadonlySet<string>): Regex {
  const sources = patterns
    .flatMap((pattern) => pattern.split('\n'))
    .map((pattern) => {
      if (flags.has('F')) return pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      return flags.has('E') ? pattern : fromBasic(pattern);
    });
  let source = sources.length === 1 ? sources[0] : `(${sources.join(')|(')})`;
  if (flags.has('w')) source = `\\b(${source})\\b`;
  if (flags.has('x')) source = `^(${source})$`;
  return Regex.extended(source, { ignoreCase: flags.has('i') });
}

/** The files in a directory and below it, in order; for a file, the file itself. Links in a directory are not followed. */
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

/** The patterns of `-e`, and the words that are left. */
function explicitPatterns(args: readonly string[]): { patterns: string[]; rest: string[] } {
  const patterns: string[] = [];
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    const match = /^(-[A-Za-z]*?)e(.*)$/s.exec(arg);
    if (match === null || rest.includes('--')) rest.push(arg);
    else {
      if (match[1] !== '-') rest.push(match[1]);
      patterns.push(match[2] === '' ? (args[++i] ?? '') : match[2]);
    }
  }
  return { patterns, rest };
}

/** `grep`. Status 0: a line has matched; 1: none has; 2: an error. */
export async function grep(invocation: Invocation): Promise<CommandResult> {
  await loadRegex();
  const explicit = explicitPatterns(invocation.args);
  const { flags, operands, refused } = lettersOf('grep', explicit.rest, 'cEFhHilnoqrRsvwx');
  const [first, ...others] = operands;
  const given = explicit.patterns.length > 0;
  const report = new Report();
  if (refused !== undefined || (first === undefined && !given)) {
    report.fail(refused ?? 'Usage: grep [OPTION]... PATTERNS [FILE]...', 2);
    return report.result();
  }
  let expression: Regex;
  try {
    expression = expressionOf(given ? explicit.patterns : [first as string], flags);
  } catch (error) {
    if (!(error instanceof RegexError)) throw error;
    report.fail(`grep: Invalid regular expression (${error.message})`, 2);
    return report.result();
  }
  const paths = given ? operands : others;
  const recursive = flags.has('r') || flags.has('R');
  const files = recursive
    ? (paths.length === 0 ? ['.'] : paths).flatMap((path) => filesBelow(invocation, path))
    : paths;
  const named = (files.length > 1 || recursive || flags.has('H')) && !flags.has('h');
  let found = false;
  for (const { name, text } of textsOf(invocation, files, report, 2)) {
    const { count, shown } = await matches(invocation, linesOf(text), expression, flags);
    found ||= count > 0;
    if (flags.has('q')) continue;
    const prefix = named ? `${name}:` : '';
    if (flags.has('l')) report.stdout += count > 0 ? `${name}\n` : '';
    else if (flags.has('c')) report.stdout += `${prefix}${count}\n`;
    else report.stdout += shown.map((line) => `${prefix}${line}\n`).join('');
  }
  if (report.status === 0 || (flags.has('q') && found)) report.status = found ? 0 : 1;
  if (flags.has('s')) report.stderr = '';
  return report.result();
}

/** Counts the lines that match, and shows what is to be shown of them. */
async function matches(
  { context }: Invocation,
  lines: readonly string[],
  expression: Regex,
  flags: ReadonlySet<string>,
): Promise<{ readonly count: number; readonly shown: readonly string[] }> {
  const shown: string[] = [];
  let count = 0;
  for (const [n, line] of lines.entries()) {
    if (n % LINES_A_BREATH === 0) await context.options.breathe?.();
    if (context.interrupted) break;
    if (expression.test(line) === flags.has('v')) continue;
    count++;
    const number = flags.has('n') ? `${n + 1}:` : '';
    if (!flags.has('o')) shown.push(`${number}${line}`);
    else if (!flags.has('v'))
      for (const { start, end } of expression.matches(line))
        if (end > start) shown.push(`${number}${line.slice(start, end)}`);
  }
  return { count, shown };
}
