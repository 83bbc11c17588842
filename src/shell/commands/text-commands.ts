// SPDX-License-Identifier: Apache-2.0
// Commands on text for pipes: grep, wc, head, tail, sort, uniq, tr, cut, tee, seq.
// Source: GNU coreutils 9.1 and grep 3.8 (options and messages administrators meet).
import { ERRNO_TEXT, type Outcome } from '../../ap-bus/errno.ts';
import type { Operation } from '../../ap-bus/operation.ts';
import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import { lettersOf, Report } from '../../sysfs/file-tree.ts';
import { AWK } from './awk/awk.ts';
import type { CommandRow, Invocation } from './command-row.ts';
import { grep } from './grep.ts';
import { SED } from './sed/sed.ts';
import { linesOf, textsOf } from './texts.ts';

const joined = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

function wc(invocation: Invocation): CommandResult {
  const { flags, operands, refused } = lettersOf('wc', invocation.args, 'lwcm');
  if (refused !== undefined) return failed(refused);
  const report = new Report();
  const chosen = (['l', 'w', 'c'] as const).filter(
    (flag) => flags.size === 0 || flags.has(flag) || (flag === 'c' && flags.has('m')),
  );
  const rows = textsOf(invocation, operands, report).map(({ name, text }) => ({
    name: operands.length === 0 ? '' : name,
    counts: {
      l: text.split('\n').length - 1,
      w: text.split(/\s+/).filter((word) => word !== '').length,
      c: text.length,
    },
  }));
  if (rows.length > 1) {
    const sum = (flag: 'l' | 'w' | 'c'): number => rows.reduce((n, row) => n + row.counts[flag], 0);
    rows.push({ name: 'total', counts: { l: sum('l'), w: sum('w'), c: sum('c') } });
  }
  const width =
    rows.length === 1 && chosen.length === 1
      ? 0
      : operands.length === 0
        ? 7
        : Math.max(...rows.flatMap((row) => chosen.map((flag) => String(row.counts[flag]).length)));
  for (const { name, counts } of rows) {
    const cells = chosen.map((flag) => String(counts[flag]).padStart(width));
    report.stdout += `${[...cells, ...(name === '' ? [] : [name])].join(' ')}\n`;
  }
  return report.result();
}

/** `head` and `tail`: `-n N` or `-N`, default 10. */
function ends(invocation: Invocation): CommandResult {
  const { name, args } = invocation;
  let count = '10';
  const paths: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (arg === '-n') count = args[++i] ?? '';
    else if (/^-n?\d+$/.test(arg)) count = arg.replace(/^-n?/, '');
    else if (/^-n./.test(arg)) count = arg.slice(2);
    else if (arg.startsWith('-') && arg !== '-')
      return failed(`${name}: invalid option -- '${arg[1]}'`);
    else paths.push(arg);
  }
  if (!/^[-+]?\d+$/.test(count)) return failed(`${name}: invalid number of lines: ‘${count}’`);
  const report = new Report();
  const texts = textsOf(invocation, paths, report);
  for (const [n, { name: file, text }] of texts.entries()) {
    if (texts.length > 1) report.stdout += `${n > 0 ? '\n' : ''}==> ${file} <==\n`;
    const lines = linesOf(text);
    const number = Number(count);
    if (name === 'head') report.stdout += joined(lines.slice(0, number));
    else
      report.stdout += joined(
        count.startsWith('+') ? lines.slice(number - 1) : lines.slice(-number || lines.length),
      );
  }
  return report.result();
}

function sort(invocation: Invocation): CommandResult {
  const { flags, operands, refused } = lettersOf('sort', invocation.args, 'rnu');
  if (refused !== undefined) return failed(refused, 2);
  const report = new Report();
  const lines = textsOf(invocation, operands, report, 2).flatMap(({ text }) => linesOf(text));
  const value = (line: string): number => Number.parseFloat(line) || 0;
  const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  lines.sort((a, b) => (flags.has('n') ? value(a) - value(b) || order(a, b) : order(a, b)));
  if (flags.has('r')) lines.reverse();
  report.stdout = joined(flags.has('u') ? [...new Set(lines)] : lines);
  return report.result();
}

function uniq(invocation: Invocation): CommandResult {
  const { flags, operands, refused } = lettersOf('uniq', invocation.args, 'cdu');
  if (refused !== undefined) return failed(refused);
  const report = new Report();
  const groups: { line: string; count: number }[] = [];
  for (const line of textsOf(invocation, operands.slice(0, 1), report).flatMap(({ text }) =>
    linesOf(text),
  )) {
    const last = groups.at(-1);
    if (last?.line === line) last.count++;
    else groups.push({ line, count: 1 });
  }
  report.stdout = joined(
    groups
      .filter(({ count }) => (!flags.has('d') || count > 1) && (!flags.has('u') || count === 1))
      .map(({ line, count }) => (flags.has('c') ? `${String(count).padStart(7)} ${line}` : line)),
  );
  return report.result();
}

const CLASSES: Readonly<Record<string, readonly [string, string]>> = {
  '[:lower:]': ['a', 'z'],
  '[:upper:]': ['A', 'Z'],
  '[:digit:]': ['0', '9'],
};

/** The characters of a set such as `a-z` or `[:upper:]`. */
function setOf(text: string): string[] {
  const expanded = text
    .replace(/\[:\w+:\]/g, (name) => CLASSES[name]?.join('-') ?? '')
    .replace(/\\([nt\\])/g, (_, c: string) => (c === 'n' ? '\n' : c === 't' ? '\t' : '\\'));
  const set: string[] = [];
  for (let i = 0; i < expanded.length; i++) {
    const [from, to] = [expanded.charCodeAt(i), expanded.charCodeAt(i + 2)];
    if (expanded[i + 1] === '-' && to >= from) {
      for (let code = from; code <= to; code++) set.push(String.fromCharCode(code));
      i += 2;
    } else set.push(expanded[i]);
  }
  return set;
}

function tr({ args, input }: Invocation): CommandResult {
  const { flags, operands, refused } = lettersOf('tr', args, 'ds');
  if (refused !== undefined) return failed(refused);
  const [first, second] = operands;
  if (first === undefined) return failed('tr: missing operand');
  const from = setOf(first);
  let text = input.all();
  if (flags.has('d')) return done([...text].filter((c) => !from.includes(c)).join(''));
  const to = second === undefined ? from : setOf(second);
  if (second === undefined && !flags.has('s'))
    return failed(
      `tr: missing operand after ‘${first}’\nTwo strings must be given when translating.`,
    );
  if (to.length === 0) return failed('tr: when not truncating set1, string2 must be non-empty');
  text = [...text]
    .map((c) => {
      const at = from.lastIndexOf(c);
      return at < 0 ? c : to[Math.min(at, to.length - 1)];
    })
    .join('');
  return done(
    flags.has('s')
      ? text.replace(/(.)\1+/gs, (run, c: string) => (to.includes(c) ? c : run))
      : text,
  );
}

function cut(invocation: Invocation): CommandResult {
  let delimiter = '\t';
  let list: string | undefined;
  let byCharacter = false;
  const paths: string[] = [];
  const { args } = invocation;
  for (let i = 0; i < args.length; i++) {
    const match = /^-([dfc])(.*)$/s.exec(args[i]);
    if (match === null) paths.push(args[i]);
    else {
      const value = match[2] === '' ? (args[++i] ?? '') : match[2];
      if (match[1] === 'd') delimiter = value;
      else {
        list = value;
        byCharacter = match[1] === 'c';
      }
    }
  }
  if (list === undefined || !/^(\d+(-\d*)?|-\d+)(,(\d+(-\d*)?|-\d+))*$/.test(list))
    return failed('cut: you must specify a list of bytes, characters, or fields');
  const wanted = list.split(',').map((range) => {
    const [from = '', to = from] = range.split('-');
    return [
      from === '' ? 1 : Number(from),
      to === '' ? Number.POSITIVE_INFINITY : Number(to),
    ] as const;
  });
  const report = new Report();
  const separator = byCharacter ? '' : delimiter;
  const lines = textsOf(invocation, paths, report).flatMap(({ text }) => linesOf(text));
  report.stdout = joined(
    lines.map((line) => {
      if (!byCharacter && !line.includes(delimiter)) return line;
      const pieces = line.split(separator);
      return pieces
        .filter((_, n) => wanted.some(([from, to]) => n + 1 >= from && n + 1 <= to))
        .join(separator);
    }),
  );
  return report.result();
}

/** `tee`: writes its input to files and to its output. Scripts use it to write as another user: `… | tee FILE`. */
function* tee({ args, context, input }: Invocation): Operation<CommandResult> {
  const append = args.includes('-a');
  const text = input.all();
  let stderr = '';
  for (const path of args.filter((arg) => arg !== '-a')) {
    const opened = context.files.open(path, append);
    const absolute = context.files.absolute(path);
    let outcome: Outcome = typeof opened === 'string' ? 'ok' : opened.errno;
    if (opened === 'sysfs') outcome = yield* context.files.writeSysfs(absolute, text);
    else if (opened === 'disk')
      outcome = context.files.disk.write(absolute, new TextEncoder().encode(text), true);
    if (outcome !== 'ok') stderr += `tee: ${path}: ${ERRNO_TEXT[outcome]}\n`;
  }
  return { stdout: text, stderr, status: stderr === '' ? 0 : 1 };
}

/** Highest count of numbers that one `seq` prints. */
const MAX_NUMBERS = 100_000;

function seq({ args }: Invocation): CommandResult {
  const bad = args.find((arg) => !/^-?\d{1,15}$/.test(arg));
  if (bad !== undefined) return failed(`seq: invalid floating point argument: ‘${bad}’`);
  const [first, second, third] = args.map(Number);
  if (first === undefined) return failed('seq: missing operand');
  const from = second === undefined ? 1 : first;
  const step = third === undefined ? 1 : (second as number);
  const to = third ?? second ?? first;
  if (step === 0) return failed('seq: invalid Zero increment value: ‘0’');
  if ((to - from) / step > MAX_NUMBERS) return failed(`seq: more than ${MAX_NUMBERS} numbers`);
  const lines: string[] = [];
  for (let n = from; step > 0 ? n <= to : n >= to; n += step) lines.push(String(n));
  return done(joined(lines));
}

export const TEXT_COMMANDS: readonly CommandRow[] = [
  {
    name: 'grep',
    usage: '[-cEFhHilnoqrvw] PATTERN [FILE…]',
    meaning: 'lines that match',
    run: grep,
  },
  { name: 'wc', usage: '[-lwc] [FILE…]', meaning: 'counts lines, words, characters', run: wc },
  { name: 'head', usage: '[-n N] [FILE…]', meaning: 'the first lines', run: ends },
  { name: 'tail', usage: '[-n N] [FILE…]', meaning: 'the last lines', run: ends },
  { name: 'sort', usage: '[-nru] [FILE…]', meaning: 'lines in order', run: sort },
  { name: 'uniq', usage: '[-cdu] [FILE]', meaning: 'drops repeated lines', run: uniq },
  { name: 'tr', usage: '[-ds] SET1 [SET2]', meaning: 'replaces characters', run: tr },
  { name: 'cut', usage: '-d C -f LIST [FILE…]', meaning: 'fields of lines', run: cut },
  { name: 'tee', usage: '[-a] FILE…', meaning: 'writes its input to files and on', run: tee },
  AWK,
  SED,
  { name: 'seq', usage: '[FIRST [STEP]] LAST', meaning: 'numbers', run: seq },
];
