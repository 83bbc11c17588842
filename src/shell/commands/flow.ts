// SPDX-License-Identifier: Apache-2.0
// The builtins that run other commands or leave them: eval, source, command, type, exec, return, trap, shopt, getopts.
// Source: POSIX.1-2017, shell command language, section 2.14; bash 5.2, manual, sections 4.1 to 4.3, and messages.

import { finishAtOnce } from '../../ap-bus/driving.ts';
import { ERRNO_TEXT } from '../../ap-bus/errno.ts';
import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import { RESERVED } from '../language/grammar.ts';
import type { CommandRow, Invocation } from './command-row.ts';

/** The status of what was run, for a builtin that has printed nothing itself. */
const ran = ({ context }: Invocation): CommandResult => ({ ...done(''), status: context.status });

async function evaluateText(invocation: Invocation): Promise<CommandResult> {
  await invocation.execute(invocation.args.join(' '));
  return ran(invocation);
}

async function source(invocation: Invocation): Promise<CommandResult> {
  const { name, args, context } = invocation;
  const [path, ...parameters] = args;
  if (path === undefined) return failed(`bash: ${name}: filename argument required`, 2);
  const read = finishAtOnce(context.files.readOperation(path))?.value;
  if (!read?.ok) return failed(`bash: ${path}: ${ERRNO_TEXT[read?.errno ?? 'EINTR']}`);
  const before = context.parameters;
  if (parameters.length > 0) context.parameters = [before[0] ?? '', ...parameters];
  await invocation.execute(read.text);
  context.parameters = before;
  context.returning = false;
  return ran(invocation);
}

/** What a name means, in the words of `type`; undefined if it means nothing. */
function meaningOf(
  { context, commands }: Invocation,
  name: string,
): readonly [string, string] | undefined {
  if ((RESERVED as readonly string[]).includes(name))
    return ['keyword', `${name} is a shell keyword`];
  if (context.functions.has(name)) return ['function', `${name} is a function`];
  const row = commands.get(name);
  if (row === undefined) return undefined;
  return row.builtin
    ? ['builtin', `${name} is a shell builtin`]
    : ['file', `${name} is /usr/bin/${name}`];
}

/** `command NAME`, `command -v NAME` and `builtin NAME`. */
async function command(invocation: Invocation): Promise<CommandResult> {
  const [first, ...names] = invocation.args;
  if (first === '-v' || first === '-V') {
    let stdout = '';
    for (const name of names) {
      const meaning = meaningOf(invocation, name);
      if (meaning === undefined) continue;
      const path = meaning[0] === 'file' ? `/usr/bin/${name}` : name;
      stdout += `${first === '-v' ? path : meaning[1]}\n`;
    }
    return { ...done(stdout), status: stdout === '' ? 1 : 0 };
  }
  if (first === undefined) return done('');
  await invocation.invoke(first === '-p' || first === '--' ? names : invocation.args);
  return ran(invocation);
}

function type(invocation: Invocation): CommandResult {
  const short = invocation.args[0] === '-t';
  let [stdout, stderr] = ['', ''];
  for (const name of short ? invocation.args.slice(1) : invocation.args) {
    const meaning = meaningOf(invocation, name);
    if (meaning !== undefined) stdout += `${meaning[short ? 0 : 1]}\n`;
    else if (!short) stderr += `bash: type: ${name}: not found\n`;
  }
  return { stdout, stderr, status: stdout === '' || stderr !== '' ? 1 : 0 };
}

async function exec(invocation: Invocation): Promise<CommandResult> {
  if (invocation.args.length === 0) {
    invocation.replaceStreams();
    return done('');
  }
  await invocation.invoke(invocation.args);
  invocation.context.exitStatus = invocation.context.status;
  return ran(invocation);
}

function leaveFunction({ args, context }: Invocation): CommandResult {
  const [given] = args;
  if (context.callers.length === 0)
    return failed("bash: return: can only `return' from a function or sourced script", 2);
  if (given !== undefined && !/^[-+]?\d{1,15}$/.test(given)) {
    context.returning = true;
    return failed(`bash: return: ${given}: numeric argument required`, 2);
  }
  context.returning = true;
  return { ...done(''), status: given === undefined ? context.status : Number(given) & 0xff };
}

/** Events for which there can be a trap. Here only EXIT and ERR ever occur. */
const EVENTS = [
  'EXIT',
  'ERR',
  'DEBUG',
  'RETURN',
  'HUP',
  'INT',
  'QUIT',
  'PIPE',
  'TERM',
  'USR1',
  'USR2',
];

function trap({ args, context }: Invocation): CommandResult {
  if (args.length === 0 || args[0] === '-p') {
    const rows = [...context.traps].map(([event, text]) => `trap -- '${text}' ${event}\n`);
    return done(rows.join(''));
  }
  const words = args[0] === '--' ? args.slice(1) : args;
  const [text = '', ...given] = words.length === 1 ? ['-', ...words] : words;
  for (const one of given) {
    const event = one === '0' ? 'EXIT' : one.toUpperCase().replace(/^SIG/, '');
    if (!EVENTS.includes(event)) return failed(`bash: trap: ${one}: invalid signal specification`);
    if (text === '-') context.traps.delete(event);
    else context.traps.set(event, text);
  }
  return done('');
}

/** Options of shopt. One has an effect; the others are accepted. */
const SHOPT_TAKEN = [
  'lastpipe',
  'inherit_errexit',
  'expand_aliases',
  'extglob',
  'globstar',
  'dotglob',
];

function shopt({ args, context }: Invocation): CommandResult {
  const on = args[0] === '-s';
  if (!on && args[0] !== '-u' && args[0] !== '-q')
    return failed('bash: shopt: usage: shopt -s|-u|-q NAME…', 2);
  for (const name of args.slice(1)) {
    if (name !== 'nullglob' && !SHOPT_TAKEN.includes(name))
      return failed(`bash: shopt: ${name}: invalid shell option name`);
    if (args[0] === '-q')
      return { ...done(''), status: name === 'nullglob' && context.flags.nullglob ? 0 : 1 };
    if (name === 'nullglob') context.flags.nullglob = on;
  }
  return done('');
}

/** `getopts OPTSTRING NAME [WORD…]`: takes one option in each call. OPTIND tells which word is next. */
function getopts({ args, context }: Invocation): CommandResult {
  const [options = '', name = 'opt', ...given] = args;
  const { variables } = context;
  const words = given.length > 0 ? given : context.parameters.slice(1);
  const index = Number(variables.get('OPTIND') ?? '1') || 1;
  const within = Number(variables.get('_OPTAT') ?? '1') || 1;
  const word = words[index - 1] ?? '';
  const finish = (text: string, next: number, at: number, argument?: string): void => {
    variables.set(name, text);
    variables.set('OPTIND', String(next));
    variables.set('_OPTAT', String(at));
    if (argument === undefined) variables.has('OPTARG') && variables.delete('OPTARG');
    else variables.set('OPTARG', argument);
  };
  if (!word.startsWith('-') || word === '-' || word === '--') {
    finish('?', word === '--' ? index + 1 : index, 1);
    return { ...done(''), status: 1 };
  }
  const letter = word[within] ?? '?';
  const last = within + 1 >= word.length;
  const known = letter !== ':' && options.replace(/^:/, '').includes(letter);
  const quiet = options.startsWith(':');
  if (!known) {
    finish('?', last ? index + 1 : index, last ? 1 : within + 1, quiet ? letter : undefined);
    const stderr = `bash: illegal option -- ${letter}\n`;
    return { ...done(''), stderr: quiet ? '' : stderr };
  }
  if (options[options.indexOf(letter, quiet ? 1 : 0) + 1] !== ':') {
    finish(letter, last ? index + 1 : index, last ? 1 : within + 1);
    return done('');
  }
  const argument = last ? words[index] : word.slice(within + 1);
  if (argument !== undefined) {
    finish(letter, index + (last ? 2 : 1), 1, argument);
    return done('');
  }
  finish(quiet ? ':' : '?', index + 1, 1, quiet ? letter : undefined);
  const stderr = `bash: option requires an argument -- ${letter}\n`;
  return { ...done(''), stderr: quiet ? '' : stderr };
}

export const FLOW: readonly CommandRow[] = [
  { name: 'eval', usage: 'WORD…', meaning: 'runs a text', run: evaluateText },
  { name: 'source', usage: 'FILE [WORD…]', meaning: 'runs a file in this shell', run: source },
  { name: '.', usage: 'FILE [WORD…]', meaning: 'the same', run: source },
  { name: 'command', usage: '[-v] NAME [WORD…]', meaning: 'a command, no function', run: command },
  { name: 'builtin', usage: 'NAME [WORD…]', meaning: 'the same', run: command },
  { name: 'type', usage: '[-t] NAME…', meaning: 'what a name is', run: type },
  {
    name: 'exec',
    usage: '[COMMAND…] [REDIRECTIONS]',
    meaning: 'runs it and ends; or redirects',
    run: exec,
  },
  { name: 'return', usage: '[STATUS]', meaning: 'leaves a function', run: leaveFunction },
  { name: 'trap', usage: 'TEXT EXIT|ERR|SIGNAL…', meaning: 'what to run at the end', run: trap },
  { name: 'shopt', usage: '-s|-u|-q NAME…', meaning: 'options such as nullglob', run: shopt },
  { name: 'getopts', usage: 'OPTIONS NAME [WORD…]', meaning: 'options of a script', run: getopts },
];
