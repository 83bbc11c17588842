// SPDX-License-Identifier: Apache-2.0
// The builtins of the shell for variables, options, directory, control flow and jobs.
// Source: POSIX.1-2017, shell command language, section 2.14; messages of bash 5.2.

import { ERRNO_TEXT } from '../../ap-bus/errno.ts';
import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import type { CommandRow, Invocation } from './command-row.ts';
import { DECLARATIONS, declaration } from './declare.ts';
import { echo, printf } from './echo.ts';
import { FLOW } from './flow.ts';
import { READERS } from './read.ts';
import { test } from './test-command.ts';

function cd({ args, context }: Invocation): CommandResult {
  if (args.length > 1) return failed('bash: cd: too many arguments');
  const { files, variables } = context;
  const before = files.directory;
  const target =
    args[0] === '-' ? variables.get('OLDPWD') : (args[0] ?? variables.get('HOME') ?? '/sys');
  if (target === undefined) return failed('bash: cd: OLDPWD not set');
  const outcome = files.change(target);
  if (outcome !== 'ok') return failed(`bash: cd: ${target}: ${ERRNO_TEXT[outcome]}`);
  variables.set('OLDPWD', before);
  return done(args[0] === '-' ? `${files.directory}\n` : '');
}

function exit({ args, context }: Invocation): CommandResult {
  const [given] = args;
  if (given === undefined) {
    context.exitStatus = context.status;
    return { ...done(''), status: context.status };
  }
  const wrong = !/^[-+]?\d{1,15}$/.test(given);
  if (!wrong && args.length > 1) return failed('bash: exit: too many arguments');
  const status = wrong ? 2 : Number(given) & 0xff;
  context.exitStatus = status;
  if (!wrong) return { ...done(''), status };
  return failed(`bash: exit: ${given}: numeric argument required`, status);
}

/** `break` and `continue`. */
function leave({ name, args, context }: Invocation): CommandResult {
  const levels = Number(args[0] ?? '1');
  if (!Number.isInteger(levels) || levels < 1)
    return failed(`bash: ${name}: ${args[0]}: loop count out of range`);
  if (context.loops === 0) {
    const stderr = `bash: ${name}: only meaningful in a \`for', \`while', or \`until' loop\n`;
    return { ...done(''), stderr };
  }
  context.leaving = Math.min(levels, context.loops);
  context.continuing = name === 'continue';
  return done('');
}

const OPTION_NAMES = {
  e: 'errexit',
  x: 'xtrace',
  u: 'nounset',
  f: 'noglob',
  E: 'errtrace',
} as const;
/** Options of `set -o` that have no effect here. */
const IGNORED = ['functrace', 'posix', 'monitor', 'hashall', 'braceexpand', 'noclobber'];
type OptionLetter = keyof typeof OPTION_NAMES;

function set({ args, context }: Invocation): CommandResult {
  const { flags, variables } = context;
  if (args.length === 0) {
    const names = variables.keys().sort();
    return done(names.map((name) => `${declaration(variables, name)}\n`).join(''));
  }
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (arg === '--') {
      context.parameters = [context.parameters[0] ?? '', ...args.slice(i + 1)];
      return done('');
    }
    if (!/^[-+]./.test(arg)) {
      context.parameters = [context.parameters[0] ?? '', ...args.slice(i)];
      return done('');
    }
    const on = arg[0] === '-';
    for (const letter of arg.slice(1)) {
      const long = letter === 'o' ? args[++i] : OPTION_NAMES[letter as OptionLetter];
      if (long !== undefined && IGNORED.includes(long)) continue;
      if (long === undefined || !Object.hasOwn(flags, long))
        return failed(
          `bash: set: ${letter === 'o' ? long : `${arg[0]}${letter}`}: invalid option`,
          2,
        );
      flags[long as keyof typeof flags] = on;
    }
  }
  return done('');
}

function shift({ args, context }: Invocation): CommandResult {
  const by = Number(args[0] ?? '1');
  if (!Number.isInteger(by) || by < 0 || by >= context.parameters.length)
    return { ...done(''), status: 1 };
  context.parameters = [context.parameters[0] ?? '', ...context.parameters.slice(1 + by)];
  return done('');
}

function jobs({ context }: Invocation): CommandResult {
  return done(
    context.jobs.map(({ number, text }) => `[${number}] still running: ${text}\n`).join(''),
  );
}

/** `wait`: collects jobs. The status is that of the last one; a job that still waits for somebody is named, with status 1. */
async function wait({ args, context }: Invocation): Promise<CommandResult> {
  const wanted = args.map((arg) => Number(arg.replace(/^%/, '')));
  const chosen = context.jobs.filter(({ number }) => args.length === 0 || wanted.includes(number));
  const missing = wanted.find((number) => !chosen.some((job) => job.number === number));
  if (missing !== undefined) return failed(`bash: wait: ${args[0]}: no such job`, 127);
  let result = done('');
  for (const job of chosen) {
    const driven = await context.goOn(job.operation);
    if (!driven.ended) {
      const stderr = `${result.stderr}[${job.number}] still running: ${job.text}\n`;
      result = { ...result, stderr, status: 1 };
      continue;
    }
    context.jobs.splice(context.jobs.indexOf(job), 1);
    const { stdout, stderr, status } = driven.value;
    result = { stdout: result.stdout + stdout, stderr: result.stderr + stderr, status };
  }
  return result;
}

const truth = (status: number) => (): CommandResult => ({ ...done(''), status });

const BASIC: readonly CommandRow[] = [
  { name: 'echo', usage: '[-neE] TEXT… [> FILE]', meaning: 'writes a line', run: echo },
  { name: 'printf', usage: 'FORMAT [WORD…]', meaning: 'writes formatted text', run: printf },
  { name: 'cd', usage: '[FOLDER | -]', meaning: 'changes the directory (default /sys)', run: cd },
  {
    name: 'pwd',
    usage: '',
    meaning: 'the directory',
    run: ({ context }: Invocation) => done(`${context.files.directory}\n`),
  },
  { name: 'test', usage: 'CONDITION', meaning: 'a condition on files, texts, numbers', run: test },
  { name: '[', usage: 'CONDITION ]', meaning: 'the same', run: test },
  { name: 'true', usage: '', meaning: 'status 0', run: truth(0) },
  { name: 'false', usage: '', meaning: 'status 1', run: truth(1) },
  { name: ':', usage: '', meaning: 'status 0', run: truth(0) },
  { name: 'set', usage: '[-eufx] [-o OPTION] [WORD…]', meaning: 'options and $1, $2, …', run: set },
  { name: 'shift', usage: '[N]', meaning: 'drops $1', run: shift },
  { name: 'break', usage: '[N]', meaning: 'leaves a loop', run: leave },
  { name: 'continue', usage: '[N]', meaning: 'goes on with the next round', run: leave },
  { name: 'jobs', usage: '', meaning: 'what is still running', run: jobs },
  { name: 'wait', usage: '[JOB…]', meaning: 'collects what was still running', run: wait },
  { name: 'exit', usage: '[STATUS]', meaning: 'ends the shell', run: exit },
];

export const BUILTINS: readonly CommandRow[] = [...BASIC, ...DECLARATIONS, ...READERS, ...FLOW].map(
  (row) => ({ ...row, builtin: true }) as const,
);
