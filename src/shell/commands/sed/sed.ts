// SPDX-License-Identifier: Apache-2.0
// sed as scripts use it: s, y, p, d, q, =, a, i, c, n, N, labels and jumps, {…}, addresses by line, `$`, and expression; -n, -E, -e, -i.
// Source: POSIX.1-2017, utilities, sed; GNU sed 4.9 (0~step, addr,+N, messages).
import { ERRNO_TEXT } from '../../../ap-bus/errno.ts';
import { type CommandResult, failed } from '../../../sysfs/command.ts';
import { Report } from '../../../sysfs/file-tree.ts';
import { loadRegex } from '../../language/regex.ts';
import type { CommandRow, Invocation } from '../command-row.ts';
import { linesOf, textsOf } from '../texts.ts';
import { Run } from './run.ts';
import { ScriptReader, SedError } from './script.ts';

interface Options {
  quiet: boolean;
  extended: boolean;
  inPlace: boolean;
  readonly scripts: string[];
  readonly operands: string[];
}

function optionsOf(args: readonly string[]): Options | string {
  const options: Options = {
    ...{ quiet: false, extended: false, inPlace: false, scripts: [], operands: [] },
  };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (arg === '--') {
      options.operands.push(...args.slice(i + 1));
      break;
    }
    if (!arg.startsWith('-') || arg === '-') options.operands.push(arg);
    else if (arg === '--quiet' || arg === '--silent') options.quiet = true;
    else if (arg === '--regexp-extended') options.extended = true;
    else if (arg === '--in-place') options.inPlace = true;
    else {
      const match = /^-([nErsiuz]*)(e?)(.*)$/s.exec(arg) as RegExpExecArray;
      const [, letters = '', expression, rest = ''] = match;
      if (expression === '' && rest !== '') return `sed: invalid option -- '${rest[0]}'`;
      options.quiet ||= letters.includes('n');
      options.extended ||= /[Er]/.test(letters);
      options.inPlace ||= letters.includes('i');
      if (expression === 'e') options.scripts.push(rest === '' ? (args[++i] ?? '') : rest);
    }
  }
  if (options.scripts.length === 0) {
    const script = options.operands.shift();
    if (script === undefined)
      return 'Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...';
    options.scripts.push(script);
  }
  return options;
}

async function sed(invocation: Invocation): Promise<CommandResult> {
  const options = optionsOf(invocation.args);
  if (typeof options === 'string') return failed(options, 1);
  await loadRegex();
  const report = new Report();
  try {
    if (options.inPlace) await inPlace(invocation, options, report);
    else {
      const lines = textsOf(invocation, options.operands, report, 2).flatMap(({ text }) =>
        linesOf(text),
      );
      report.stdout = await edited(invocation, options, lines);
    }
  } catch (error) {
    if (!(error instanceof SedError)) throw error;
    report.fail(error.message, error.status);
  }
  return report.result();
}

async function edited(
  { context }: Invocation,
  { scripts, extended, quiet }: Options,
  lines: readonly string[],
): Promise<string> {
  const script = new ScriptReader(scripts.join('\n'), extended).instructions();
  const run = new Run(lines, quiet);
  await run.all(script, async () => {
    await context.options.breathe?.();
    return !context.interrupted;
  });
  return run.out.join('');
}

async function inPlace(invocation: Invocation, options: Options, report: Report): Promise<void> {
  const { files } = invocation.context;
  if (options.operands.length === 0) return report.fail('sed: no input files', 1);
  for (const path of options.operands) {
    for (const { text } of textsOf(invocation, [path], report, 2)) {
      const result = await edited(invocation, options, linesOf(text));
      const target = files.open(path, false);
      const absolute = files.absolute(path);
      const errno =
        typeof target !== 'string'
          ? target.errno
          : target === 'disk'
            ? files.disk.write(absolute, new TextEncoder().encode(result), false)
            : 'EACCES';
      if (errno !== 'ok') report.fail(`sed: couldn't open file ${path}: ${ERRNO_TEXT[errno]}`, 4);
    }
  }
}

export const SED: CommandRow = {
  name: 'sed',
  usage: '[-nEi] [-e SCRIPT | SCRIPT] [FILE…]',
  meaning: 'edits lines',
  run: sed,
};
