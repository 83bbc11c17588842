// SPDX-License-Identifier: Apache-2.0
// The system around a script: root, a kernel with the modules of AP, a udev that has settled, and commands that run other commands.
// Source: GNU coreutils 9.1 (basename, dirname, id, uname, env); findutils 4.9 (xargs).

import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import { NS_PER_SECOND } from '../../units.ts';
import { Input } from '../language/input.ts';
import { bounded } from '../language/limits.ts';
import { NOT_FOUND } from '../language/statuses.ts';
import type { CommandRow, Invocation } from './command-row.ts';

/** Runs the rest of the words as a command, after options and `NAME=value`. */
async function run(invocation: Invocation, words: readonly string[]): Promise<CommandResult> {
  const { context } = invocation;
  const first = words.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word));
  if (first < 0) return done('');
  const before = new Map<string, string | undefined>();
  for (const word of words.slice(0, first)) {
    const at = word.indexOf('=');
    before.set(word.slice(0, at), context.variables.get(word.slice(0, at)));
    context.variables.set(word.slice(0, at), word.slice(at + 1));
  }
  await invocation.invoke(words.slice(first));
  for (const [name, value] of before)
    if (value === undefined) context.variables.delete(name);
    else context.variables.set(name, value);
  return { ...done(''), status: context.status };
}

const OPTIONS_WITH_VALUE: Readonly<Record<string, string>> = {
  sudo: 'ugCDhprtT',
  timeout: 'ks',
  env: 'uC',
  nice: 'n',
};

/** sudo, timeout, env, nice and nohup. The user is root, and time is virtual, so they only run the command. */
async function prefix(invocation: Invocation): Promise<CommandResult> {
  const { name, args } = invocation;
  const rest = [...args];
  while (/^-/.test(rest[0] ?? '')) {
    const option = rest.shift() as string;
    if (option === '--') break;
    const letter = option.length === 2 ? option.slice(1) : '';
    if (letter !== '' && (OPTIONS_WITH_VALUE[name] ?? '').includes(letter)) rest.shift();
  }
  if (name === 'timeout') rest.shift();
  if (rest.length > 0) return run(invocation, rest);
  if (name === 'env') return environment(invocation);
  return failed(
    name === 'sudo' ? 'usage: sudo command' : `${name}: missing operand`,
    name === 'sudo' ? 1 : 125,
  );
}

function environment({ context: { variables }, args }: Invocation): CommandResult {
  const [name] = args.filter((arg) => !arg.startsWith('-'));
  if (name !== undefined && !name.includes('=')) {
    const value = variables.get(name);
    return value === undefined ? { ...done(''), status: 1 } : done(`${value}\n`);
  }
  return done(
    variables
      .keys()
      .sort()
      .map((one) => `${one}=${variables.get(one) ?? ''}\n`)
      .join(''),
  );
}

/** `sh` and `bash`: run a script in a shell of its own. */
async function shell(invocation: Invocation): Promise<CommandResult> {
  const { name, args, context, input } = invocation;
  const rest = [...args];
  let options = '';
  while (/^-[a-z]+$/.test(rest[0] ?? '') && !options.includes('c'))
    options += (rest.shift() as string).slice(1);
  const file = options.includes('c') ? undefined : rest[0];
  let text = options.includes('c') ? (rest.shift() ?? '') : input.all();
  if (file !== undefined) {
    const read = await readFile(invocation, file);
    if (read === undefined) return failed(`${name}: ${file}: No such file or directory`, NOT_FOUND);
    text = read;
  }
  const restore = context.enterSubshell();
  context.parameters = rest.length > 0 ? rest : [name];
  for (const letter of options) if (letter === 'e') context.flags.errexit = true;
  await invocation.execute(text);
  const status = context.exitStatus ?? context.status;
  restore();
  return { ...done(''), status };
}

async function readFile({ context }: Invocation, path: string): Promise<string | undefined> {
  const read = await context.drive(
    (function* reading() {
      const result = yield* context.files.readOperation(path);
      return result.ok ? done(result.text) : failed('');
    })(),
    path,
  );
  return 'operation' in read || read.status !== 0 ? undefined : read.stdout;
}

/** xargs [-n N] [-I X] [-r] COMMAND. */
async function xargs(invocation: Invocation): Promise<CommandResult> {
  const { args, input, context } = invocation;
  const rest = [...args];
  let [count, replaced, delimiter, skipEmpty] = [Number.POSITIVE_INFINITY, '', '', false];
  while (/^-./.test(rest[0] ?? '')) {
    const option = rest.shift() as string;
    const value = (): string => option.slice(2) || (rest.shift() ?? '');
    if (option.startsWith('-n')) count = Math.max(1, Number(value()) || 1);
    else if (option.startsWith('-I')) replaced = value();
    else if (option === '-0') delimiter = '\0';
    else if (option.startsWith('-d')) delimiter = value().replace('\\n', '\n');
    else if (option === '-r') skipEmpty = true;
    else return failed(`xargs: invalid option -- '${option.slice(1)}'`);
  }
  const command = rest.length > 0 ? rest : ['echo'];
  const text = input.all();
  const lines =
    replaced !== '' || delimiter !== '' ? text.split(delimiter || '\n') : text.split(/\s+/);
  const words = lines.filter((word) => word !== '');
  if (words.length === 0 && (skipEmpty || replaced !== '')) return done('');
  let status = 0;
  const size = replaced === '' ? Math.min(count, Math.max(1, words.length)) : 1;
  for (let at = 0; at < Math.max(1, words.length) && !context.interrupted; at += size) {
    const some = words.slice(at, at + size);
    const line =
      replaced === ''
        ? [...command, ...some]
        : command.map((word) => bounded(word.replaceAll(replaced, some[0] ?? ''), 'a word'));
    await invocation.invoke(line, { stdin: new Input('') });
    await context.options.breathe?.();
    if (context.status !== 0) status = 123;
  }
  return { ...done(''), status };
}

function which({ args, commands }: Invocation): CommandResult {
  const names = args.filter((arg) => !arg.startsWith('-'));
  const found = names.filter(
    (name) => commands.get(name)?.builtin === undefined && commands.has(name),
  );
  const stdout = found.map((name) => `/usr/bin/${name}\n`).join('');
  return { ...done(stdout), status: found.length === names.length ? 0 : 1 };
}

function basename({ args }: Invocation): CommandResult {
  const [path, suffix = ''] = args[0] === '--' ? args.slice(1) : args;
  if (path === undefined) return failed('basename: missing operand');
  const name = path.replace(/\/+$/, '').replace(/^.*\//, '') || (path.startsWith('/') ? '/' : '');
  const cut = suffix !== '' && name.endsWith(suffix) && name !== suffix;
  return done(`${cut ? name.slice(0, -suffix.length) : name}\n`);
}

function dirname({ args }: Invocation): CommandResult {
  if (args.length === 0) return failed('dirname: missing operand');
  return done(
    args
      .map((path) => {
        const trimmed = path.replace(/\/+$/, '');
        const at = trimmed.lastIndexOf('/');
        if (at < 0) return path.startsWith('/') ? '/\n' : '.\n';
        return `${trimmed.slice(0, at).replace(/\/+$/, '') || '/'}\n`;
      })
      .join(''),
  );
}

function uname({ args, context }: Invocation): CommandResult {
  const parts: Readonly<Record<string, string>> = {
    s: 'Linux',
    n: 'apemu',
    r: context.partition.config.host.kernel,
    m: 's390x',
  };
  const letters = args.join('').replaceAll('-', '') || 's';
  if (letters === 'a') return done(`${Object.values(parts).join(' ')}\n`);
  const bad = [...letters].find((letter) => !Object.hasOwn(parts, letter));
  if (bad !== undefined) return failed(`uname: invalid option -- '${bad}'`);
  return done(
    `${Object.keys(parts)
      .filter((key) => letters.includes(key))
      .map((key) => parts[key])
      .join(' ')}\n`,
  );
}

/** Seconds since 1970 as `YYYY-MM-DDThh:mm:ss` in the Gregorian calendar. */
function isoTime(seconds: number): string {
  // Years are counted from March on, so that the leap day is the last day of a year. There are 719,468 days between 0000-03-01 and
  // 1970-01-01.
  const days = Math.floor(seconds / 86_400) + 719_468;
  const era = Math.floor(days / 146_097);
  const day = days - era * 146_097;
  const leaps = Math.floor(day / 1460) - Math.floor(day / 36_524) + Math.floor(day / 146_096);
  const year = Math.floor((day - leaps) / 365);
  const ofYear = day - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
  const march = Math.floor((5 * ofYear + 2) / 153);
  const month = march < 10 ? march + 3 : march - 9;
  const two = (n: number): string => String(Math.floor(n)).padStart(2, '0');
  const date = `${era * 400 + year + (month <= 2 ? 1 : 0)}-${two(month)}-${two(ofYear - Math.floor((153 * march + 2) / 5) + 1)}`;
  return `${date}T${two((seconds / 3600) % 24)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** `date`: the time of the machine, which begins with the year 1970. */
function date({ args, context }: Invocation): CommandResult {
  const seconds = Math.floor(context.partition.nowNs() / NS_PER_SECOND);
  const iso = isoTime(seconds);
  const values: Readonly<Record<string, string>> = {
    ...{ s: String(seconds), Y: iso.slice(0, 4), m: iso.slice(5, 7), d: iso.slice(8, 10) },
    ...{ H: iso.slice(11, 13), M: iso.slice(14, 16), S: iso.slice(17, 19) },
    ...{
      F: iso.slice(0, 10),
      T: iso.slice(11, 19),
      N: String(context.partition.nowNs() % NS_PER_SECOND).padStart(9, '0'),
    },
    ...{ '%': '%', n: '\n', Z: 'UTC', z: '+0000' },
  };
  const format = args.find((arg) => arg.startsWith('+'))?.slice(1) ?? '%F %T UTC';
  return done(`${format.replace(/%(.)/g, (all, letter: string) => values[letter] ?? all)}\n`);
}

const identity = ({ args }: Invocation): CommandResult => {
  if (args.includes('-un')) return done('root\n');
  return done(
    args.some((arg) => /^-[ugG]/.test(arg)) ? '0\n' : 'uid=0(root) gid=0(root) groups=0(root)\n',
  );
};
const nothing = (): CommandResult => done('');
const says = (text: string) => (): CommandResult => done(`${text}\n`);

export const SYSTEM_COMMANDS: readonly CommandRow[] = [
  {
    name: 'sudo',
    usage: '[OPTIONS] COMMAND…',
    meaning: 'runs a command; the user is root',
    run: prefix,
  },
  { name: 'sync', usage: '', meaning: 'taken', run: nothing },
  {
    name: 'env',
    usage: '[NAME=TEXT…] [COMMAND…]',
    meaning: 'runs with variables; shows them',
    run: prefix,
  },
  { name: 'printenv', usage: '[NAME]', meaning: 'shows variables', run: environment },
  {
    name: 'timeout',
    usage: 'TIME COMMAND…',
    meaning: 'runs a command; time is virtual',
    run: prefix,
  },
  { name: 'nohup', usage: 'COMMAND…', meaning: 'runs a command', run: prefix },
  {
    name: 'bash',
    usage: '[-c TEXT | FILE] [WORD…]',
    meaning: 'a script in a shell of its own',
    run: shell,
  },
  { name: 'sh', usage: '[-c TEXT | FILE] [WORD…]', meaning: 'the same', run: shell },
  {
    name: 'xargs',
    usage: '[-n N] [-I X] [-r] COMMAND…',
    meaning: 'runs a command with words it reads',
    run: xargs,
  },
  { name: 'which', usage: 'NAME…', meaning: 'where a command is', run: which },
  { name: 'basename', usage: 'PATH [SUFFIX]', meaning: 'the last name of a path', run: basename },
  { name: 'dirname', usage: 'PATH…', meaning: 'a path without its last name', run: dirname },
  { name: 'uname', usage: '[-asnrm]', meaning: 'the system', run: uname },
  { name: 'hostname', usage: '', meaning: 'its name', run: says('apemu') },
  { name: 'arch', usage: '', meaning: 'its architecture', run: says('s390x') },
  { name: 'date', usage: '[+FORMAT]', meaning: 'virtual time; it begins with 1970', run: date },
  { name: 'id', usage: '[-u] [-g] [-un]', meaning: 'who you are', run: identity },
  { name: 'whoami', usage: '', meaning: 'root', run: says('root') },
];
