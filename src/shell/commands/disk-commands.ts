// SPDX-License-Identifier: Apache-2.0
// Commands that make, copy and remove files outside /sys.
// Source: GNU coreutils 9.1 (options, messages).
import { ERRNO_TEXT, type Errno, type Outcome } from '../../ap-bus/errno.ts';
import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import { lettersOf, Report } from '../../sysfs/file-tree.ts';
import type { ShellFiles } from '../files.ts';
import type { CommandRow, Invocation } from './command-row.ts';
import { textsOf } from './texts.ts';

/** Takes the options that are letters. Long options and values of `-m` are left out. */
function parse({ name, args }: Invocation, known: string): ReturnType<typeof lettersOf> {
  const plain = args.flatMap((arg, n) => {
    if (arg === '-m' || args[n - 1] === '-m') return [];
    return arg === '--parents'
      ? ['-p']
      : arg === '--force'
        ? ['-f']
        : arg === '--recursive'
          ? ['-r']
          : [arg];
  });
  return lettersOf(name, plain, known);
}

function mkdir(invocation: Invocation): CommandResult {
  const { flags, operands, refused } = parse(invocation, 'pv');
  if (refused !== undefined) return failed(refused);
  if (operands.length === 0) return failed('mkdir: missing operand');
  const { files } = invocation.context;
  const report = new Report();
  for (const path of operands) {
    const outcome = flags.has('p') ? makeAll(files, path) : files.alter(path, 'makeFolder');
    if (outcome !== 'ok')
      report.fail(`mkdir: cannot create directory ‘${path}’: ${ERRNO_TEXT[outcome]}`, 1, outcome);
  }
  return report.result();
}

/** Makes a folder, with all folders on the way to it. */
function makeAll(files: ShellFiles, path: string): Outcome {
  const names = files
    .absolute(path)
    .split('/')
    .filter((name) => name !== '');
  let whole = '';
  for (const name of names) {
    whole += `/${name}`;
    const status = files.stat(whole);
    if (status.ok && status.kind !== 'dir') return 'EEXIST';
    const outcome = status.ok ? 'ok' : files.alter(whole, 'makeFolder');
    if (outcome !== 'ok') return outcome;
  }
  return 'ok';
}

function rm(invocation: Invocation): CommandResult {
  const { flags, operands, refused } = parse(invocation, 'rRfvd');
  if (refused !== undefined) return failed(refused);
  if (operands.length === 0 && !flags.has('f')) return failed('rm: missing operand');
  const { files } = invocation.context;
  const report = new Report();
  const recursive = flags.has('r') || flags.has('R');
  for (const path of operands) {
    const status = files.lstat(path);
    if (!status.ok && flags.has('f') && status.errno === 'ENOENT') continue;
    const outcome = !status.ok
      ? status.errno
      : status.kind === 'dir' && !recursive
        ? 'EISDIR'
        : removeAll(files, path);
    if (outcome !== 'ok')
      report.fail(`rm: cannot remove '${path}': ${ERRNO_TEXT[outcome]}`, 1, outcome);
  }
  return report.result();
}

function removeAll(files: ShellFiles, path: string): Outcome {
  const listing = files.list(path);
  if (listing.ok && !files.inSysfs(path))
    for (const name of listing.names) {
      const outcome = removeAll(files, `${path}/${name}`);
      if (outcome !== 'ok') return outcome;
    }
  return files.alter(path, 'remove');
}

function rmdir({ args, context }: Invocation): CommandResult {
  const report = new Report();
  for (const path of args.filter((arg) => !arg.startsWith('-'))) {
    const status = context.files.stat(path);
    const isFolder = status.ok && status.kind === 'dir';
    const outcome: Outcome = !status.ok
      ? status.errno
      : isFolder
        ? context.files.alter(path, 'remove')
        : 'ENOTDIR';
    if (outcome !== 'ok')
      report.fail(`rmdir: failed to remove '${path}': ${ERRNO_TEXT[outcome]}`, 1, outcome);
  }
  return report.result();
}

function touch({ args, context }: Invocation): CommandResult {
  const report = new Report();
  for (const path of args.filter((arg) => !arg.startsWith('-'))) {
    if (context.files.stat(path).ok) continue;
    const opened = context.files.open(path, true);
    if (typeof opened !== 'string')
      report.fail(`touch: cannot touch '${path}': ${ERRNO_TEXT[opened.errno]}`, 1, opened.errno);
  }
  return report.result();
}

/** `cp` and `mv` of files. */
function copy(invocation: Invocation): CommandResult {
  const { name, context } = invocation;
  const { operands, refused } = parse(invocation, 'afnprRvT');
  if (refused !== undefined) return failed(refused);
  const target = operands.at(-1);
  if (operands.length < 2 || target === undefined) return failed(`${name}: missing file operand`);
  const { files } = context;
  const report = new Report();
  const status = files.stat(target);
  const into = status.ok && status.kind === 'dir';
  if (operands.length > 2 && !into) return failed(`${name}: target '${target}' is not a directory`);
  for (const path of operands.slice(0, -1)) {
    const place = into
      ? `${target.replace(/\/$/, '')}/${path.slice(path.lastIndexOf('/') + 1)}`
      : target;
    for (const { text } of textsOf(invocation, [path], report)) {
      const outcome = put(files, place, text);
      if (outcome !== 'ok')
        report.fail(`${name}: cannot create regular file '${place}': ${ERRNO_TEXT[outcome]}`, 1);
      else if (name === 'mv') files.alter(path, 'remove');
    }
  }
  return report.result();
}

function put(files: ShellFiles, path: string, text: string): 'ok' | Errno {
  const target = files.open(path, false);
  if (typeof target !== 'string') return target.errno;
  if (target === 'sysfs') return 'EACCES';
  return target === 'null'
    ? 'ok'
    : files.disk.write(files.absolute(path), new TextEncoder().encode(text), false);
}

/** `mktemp`. The names are the same for the same seed. */
function mktemp({ args, context }: Invocation): CommandResult {
  const folder = args.includes('-d');
  const template = args.find((arg) => !arg.startsWith('-')) ?? '/tmp/tmp.XXXXXXXXXX';
  if (!/X{3,}$/.test(template)) return failed(`mktemp: too few X's in template ‘${template}’`);
  const path = template.replace(/X+$/, (xs) =>
    context.random.uuid().replaceAll('-', '').slice(0, xs.length),
  );
  if (folder) {
    const outcome = context.files.alter(path, 'makeFolder');
    if (outcome !== 'ok')
      return failed(
        `mktemp: failed to create directory via template ‘${template}’: ${ERRNO_TEXT[outcome]}`,
      );
  } else {
    const opened = context.files.open(path, true);
    if (typeof opened !== 'string')
      return failed(
        `mktemp: failed to create file via template ‘${template}’: ${ERRNO_TEXT[opened.errno]}`,
      );
  }
  return done(`${path}\n`);
}

/** chmod, chown, ln and the like: they change nothing here, but their files must exist. */
function touched({ name, args, context }: Invocation): CommandResult {
  const operands = args.filter((arg) => !arg.startsWith('-')).slice(1);
  if (operands.length === 0) return failed(`${name}: missing operand`);
  const report = new Report();
  for (const path of operands) {
    const status = context.files.stat(path);
    if (!status.ok)
      report.fail(`${name}: cannot access '${path}': ${ERRNO_TEXT[status.errno]}`, 1, status.errno);
  }
  return report.result();
}

export const DISK_COMMANDS: readonly CommandRow[] = [
  { name: 'mkdir', usage: '[-p] FOLDER…', meaning: 'makes folders', run: mkdir },
  { name: 'rmdir', usage: 'FOLDER…', meaning: 'removes empty folders', run: rmdir },
  { name: 'rm', usage: '[-rf] FILE…', meaning: 'removes files', run: rm },
  { name: 'touch', usage: 'FILE…', meaning: 'makes empty files', run: touch },
  { name: 'cp', usage: 'FILE… TARGET', meaning: 'copies files', run: copy },
  { name: 'mv', usage: 'FILE… TARGET', meaning: 'moves files', run: copy },
  {
    name: 'mktemp',
    usage: '[-d] [TEMPLATE]',
    meaning: 'a new file or folder in /tmp',
    run: mktemp,
  },
  { name: 'chmod', usage: 'MODE FILE…', meaning: 'taken; modes do not change', run: touched },
  { name: 'chown', usage: 'OWNER FILE…', meaning: 'taken; owners do not change', run: touched },
];
