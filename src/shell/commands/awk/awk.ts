// SPDX-License-Identifier: Apache-2.0
// awk as scripts use it: patterns, fields, arrays, loops and the usual functions, but no user-defined functions, no getline, and no output into files and pipes.
// Source: POSIX.1-2017, utilities, awk.

import { finishAtOnce } from '../../../ap-bus/driving.ts';
import { ERRNO_TEXT } from '../../../ap-bus/errno.ts';
import { type CommandResult, failed } from '../../../sysfs/command.ts';
import { Report } from '../../../sysfs/file-tree.ts';
import { loadRegex, RegexError } from '../../language/regex.ts';
import type { CommandRow, Invocation } from '../command-row.ts';
import { linesOf, textsOf } from '../texts.ts';
import { AwkError } from './ast.ts';
import { AwkParser } from './parser.ts';
import { AwkRun } from './run.ts';
import { Input } from './values.ts';

const USAGE_ERROR = 2;

interface Request {
  readonly assignments: [string, string][];
  program: string | undefined;
  readonly operands: string[];
}

const unescaped = (text: string): string =>
  text.replace(/\\([nt\\])/g, (_, c: string) => (c === 'n' ? '\n' : c === 't' ? '\t' : '\\'));

/** The options, the program, and what follows it; a message if they are not valid. */
function requestOf({ args, context }: Invocation): Request | string {
  const request: Request = { assignments: [], program: undefined, operands: [] };
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const option = /^-([Fvf])(.*)$/s.exec(arg);
    if (option === null || request.program !== undefined) {
      if (arg === '--') continue;
      if (request.program === undefined) {
        if (/^-./.test(arg)) return `awk: unknown option ${arg}`;
        request.program = arg;
        request.operands.push(...rest);
        return request;
      }
      continue;
    }
    const value = option[2] || (rest.shift() ?? '');
    if (option[1] === 'F')
      request.assignments.push(['FS', value === 't' ? '\t' : unescaped(value)]);
    else if (option[1] === 'v') {
      const [, name, text] = /^([A-Za-z_]\w*)=(.*)$/s.exec(value) ?? [];
      if (name === undefined) return `awk: invalid -v argument ${value}`;
      request.assignments.push([name, unescaped(text ?? '')]);
    } else {
      const read = finishAtOnce(context.files.readOperation(value))?.value;
      if (!read?.ok) return `awk: cannot open ${value} (${ERRNO_TEXT[read?.errno ?? 'EINTR']})`;
      request.program = read.text;
      request.operands.push(...rest);
      return request;
    }
  }
  return "usage: awk [-F FS] [-v NAME=VALUE] 'PROGRAM' [FILE...]";
}

async function awk(invocation: Invocation): Promise<CommandResult> {
  const request = requestOf(invocation);
  if (typeof request === 'string') return failed(request, USAGE_ERROR);
  await loadRegex();
  const { context } = invocation;
  const report = new Report();
  try {
    const run = new AwkRun(new AwkParser(request.program as string).rules(), async () => {
      await context.options.breathe?.();
      return !context.interrupted;
    });
    const paths: string[] = [];
    for (const operand of request.operands) {
      const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(operand);
      if (assignment === null) paths.push(operand);
      else request.assignments.push([assignment[1], assignment[2]]);
    }
    for (const [name, value] of request.assignments)
      run.set(name, name === 'FS' ? value : new Input(value));
    const texts = textsOf(invocation, paths, report, USAGE_ERROR);
    await run.all(texts.map(({ name, text }) => ({ name, lines: linesOf(text) })));
    report.stdout = run.out.join('');
    report.stderr += run.err.join('');
    report.status = Math.max(report.status, run.status);
  } catch (error) {
    if (!(error instanceof AwkError) && !(error instanceof RegexError)) throw error;
    report.fail(`awk: ${error.message}`, USAGE_ERROR);
  }
  return report.result();
}

export const AWK: CommandRow = {
  name: 'awk',
  usage: "[-F FS] [-v NAME=VALUE] 'PROGRAM' [FILE…]",
  meaning: 'fields of lines, sums, formats',
  run: awk,
};
