// SPDX-License-Identifier: Apache-2.0
// The machine around the host: clock, operator, faults, saved machines, what the kernel told.
// Source: docs/design.md sections 4, 6 and 7; docs/reference/vfio-ap.md sections 3.4 (uevents) and 3.8 (log texts).

import { ERRNO_TEXT, type Errno } from '../../ap-bus/errno.ts';
import type { LogRing, Uevent } from '../../ap-bus/events.ts';
import { formatDuration, parseDurationNs } from '../../config/units.ts';
import { restoreMachine, saveMachine } from '../../host/state/snapshot.ts';
import type { DeclaredFault } from '../../lpar/declared-fault.ts';
import { LineError, splitLine, tokenize } from '../../program/lexer.ts';
import { LPAR_VERBS } from '../../program/lpar-verbs.ts';
import { parseFault, parseLpar } from '../../program/parse-host.ts';
import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import type { ShellContext } from '../context.ts';
import { type CommandRow, columns, type Invocation } from './command-row.ts';
import { isQuiet } from './guests.ts';

/** `clock run` gives up after so much virtual time. */
const RUN_LIMIT_NS = 60_000_000_000;
const RUN_SLICE_NS = 10_000_000;
/** Seconds of the suffixes of sleep. */
const SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 };

/** Nanoseconds of `2ms`, `1.5`, `3m`; undefined if it is no time. A bare number is in seconds, as for sleep. */
function timeOf(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(text);
  if (match === null) return parseDurationNs(text);
  const ns = Math.round(Number(match[1]) * (SECONDS[match[2]] as number) * 1e9);
  return Number.isSafeInteger(ns) ? ns : undefined;
}

async function sleep({ args, context }: Invocation): Promise<CommandResult> {
  if (args.length === 0) return failed('sleep: missing operand');
  let total = 0;
  for (const arg of args) {
    const ns = timeOf(arg);
    if (ns === undefined) return failed(`sleep: invalid time interval ‘${arg}’`);
    total += ns;
  }
  await context.pass(total);
  return done('');
}

/** `clock`, `clock advance TIME`, `clock run [TIME]`: the time after it. */
async function clock({ args, context }: Invocation): Promise<CommandResult> {
  const [verb, time] = args;
  const ns = time === undefined ? undefined : timeOf(time);
  if (verb === 'advance' && ns !== undefined && args.length === 2) await context.pass(ns);
  else if (verb === 'run' && args.length <= 2 && (time === undefined) === (ns === undefined)) {
    if (!(await settle(context, ns ?? RUN_LIMIT_NS)))
      return { ...now(context), stderr: 'clock: not everything has ended yet\n' };
  } else if (verb !== undefined) return failed('usage: clock [advance TIME | run [TIME]]', 2);
  return now(context);
}

const now = (context: ShellContext): CommandResult =>
  done(`${formatDuration(context.machine.nowNs())}\n`);

/** Runs until nothing one-off is outstanding and guests have nothing to do; false: the limit came first. */
async function settle(context: ShellContext, limitNs: number): Promise<boolean> {
  const { machine } = context;
  const endNs = machine.nowNs() + limitNs;
  const { programs } = machine.stepper;
  while (!programs.every(isQuiet)) {
    if (machine.nowNs() >= endNs || context.interrupted) return false;
    await context.pass(Math.min(RUN_SLICE_NS, endNs - machine.nowNs()));
  }
  machine.run();
  return true;
}

const HEAD = { line: 1, comment: undefined };

/** A line as AP programs have it, parsed; mistakes are messages. */
function parsed<T>(name: string, args: readonly string[], parse: (line: string) => T): T | string {
  try {
    return parse(args.join(' '));
  } catch (error) {
    if (!(error instanceof LineError)) throw error;
    const expected = error.expected === undefined ? '' : ` (expected ${error.expected})`;
    return `${name}: ${error.message}${expected}`;
  }
}

/** Operator verbs; without one, what there is. */
function lpar({ args, context }: Invocation): CommandResult {
  if (args.length === 0) {
    const rows = LPAR_VERBS.map((row) => [`${row.verb} ${row.operands.join(' ')}`, row.meaning]);
    return done(columns(rows));
  }
  const statement = parsed('lpar', args, (line) => {
    const parts = splitLine(line);
    return parseLpar(HEAD, tokenize(parts.body, 1), { ...parts, expectation: undefined });
  });
  if (typeof statement === 'string') return failed(statement);
  const outcome = context.operator.act(statement.verb, statement.values);
  if (outcome.kind !== 'errno') return done('');
  return failed(`lpar: ${args.join(' ')}: ${ERRNO_TEXT[outcome.name as Errno]}`);
}

const rowOfFault = ({ text, fired, active }: DeclaredFault): [string, string] => [
  text,
  `fired ${fired}${active ? '' : ', ended'}`,
];

/** Without arguments those that were declared. A fault as in AP programs; times of `at` are those the clock shows. */
function fault({ args, context }: Invocation): CommandResult {
  if (args.length === 0) return done(columns(context.machine.faults.list().map(rowOfFault)));
  const statement = parsed('fault', args, (line) => {
    const parts = splitLine(line);
    return parseFault(HEAD, tokenize(parts.body, 1), { ...parts, expectation: undefined });
  });
  if (typeof statement === 'string') return failed(statement);
  const { fault: declared } = statement;
  if (declared === 'clear') context.machine.faults.clear();
  else {
    if (declared.guest !== undefined) context.machine.guest(declared.guest);
    const { warnings } = context.machine;
    const known = warnings.length;
    context.machine.fault(declared);
    const told = warnings.slice(known).map((text) => `warning: ${text}\n`);
    return { ...done(''), stderr: told.join('') };
  }
  return done('');
}

function save({ args, context }: Invocation): CommandResult {
  const [path] = args;
  if (path === undefined || args.length > 1) return failed('usage: save FILE', 2);
  const bytes = saveMachine(context.machine);
  const outcome = context.files.disk.write(context.files.absolute(path), bytes, false);
  return outcome === 'ok' ? done('') : failed(`save: ${path}: ${ERRNO_TEXT[outcome]}`);
}

async function restore({ args, context }: Invocation): Promise<CommandResult> {
  const [path] = args;
  if (path === undefined || args.length > 1) return failed('usage: restore FILE', 2);
  const read = context.files.disk.read(context.files.absolute(path));
  if (!read.ok) return failed(`restore: ${path}: ${ERRNO_TEXT[read.errno]}`);
  context.replaceMachine(await restoreMachine(read.bytes));
  return done('');
}

function exportSysfs({ args, context }: Invocation): CommandResult {
  const [path] = args;
  const { exportTree } = context.options;
  if (path === undefined || args.length > 1) return failed('usage: export-sysfs FOLDER', 2);
  if (exportTree === undefined)
    return failed("export-sysfs: the computer's files were not given (--host-files)");
  const entries = exportTree(context.machine, context.files.absolute(path));
  return done(`${entries} entries in ${path}/sys\n`);
}

/** `[   12.345678]`, as the kernel's ring shows times. */
const stamp = (ns: number): string => (ns / 1e9).toFixed(6).padStart(12);

const RINGS: readonly (LogRing | 'all')[] = ['kernel', 'vfio_ap', 'zcrypt', 'all'];

function dmesg({ args, context }: Invocation): CommandResult {
  const ring = (args[0] === '--ring' ? args[1] : 'kernel') ?? '';
  if ((args.length > 0 && args[0] !== '--ring') || !RINGS.some((known) => known === ring))
    return failed(`usage: dmesg [--ring ${RINGS.join('|')}]`, 2);
  const lines = context.machine.host.journal.log
    .filter((line) => ring === 'all' || line.ring === ring)
    .map(({ timeNs, text }) => `[${stamp(timeNs)}] ${text}\n`);
  return done(lines.join(''));
}

const ueventText = ({ timeNs, subsystem, action, path, keys }: Uevent, long: boolean): string => {
  const head = `[${stamp(timeNs)}] ${action.padEnd(6)} ${path} (${subsystem})\n`;
  if (!long) return head;
  return head + keys.map(([name, value]) => `    ${name}=${value}\n`).join('');
};

function uevents({ args, context }: Invocation): CommandResult {
  const long = args[0] === '-p';
  if (args.length > (long ? 1 : 0)) return failed('usage: uevents [-p]', 2);
  return done(context.machine.host.journal.uevents.map((e) => ueventText(e, long)).join(''));
}

const CLOCK_DETAILS = `  advance TIME  lets time pass; guests run meanwhile
  run [TIME]    until guests have nothing to do, at most TIME (60s)
  TIME is 2ms, 1.5s, 30us, 100ns, 2m, or a number of seconds
`;

/** Operator verbs with their operands; all, or one. */
const lparVerbs = (verb?: string): string =>
  columns(
    LPAR_VERBS.filter((row) => verb === undefined || row.verb === verb).map((row) => [
      `  ${row.verb} ${row.operands.join(' ')}`,
      row.meaning,
    ]),
  );

export const MACHINE_COMMANDS: readonly CommandRow[] = [
  {
    name: 'clock',
    usage: '[advance TIME | run [TIME]]',
    meaning: 'virtual time, e.g. 2ms',
    verbs: ['advance', 'run'],
    details: () => CLOCK_DETAILS,
    run: clock,
  },
  { name: 'sleep', usage: 'TIME', meaning: 'lets virtual time pass, in seconds', run: sleep },
  {
    name: 'lpar',
    usage: '[VERB OPERAND…]',
    meaning: 'operator actions; alone: which',
    verbs: LPAR_VERBS.map(({ verb }) => verb),
    details: (verb) => lparVerbs(verb),
    run: lpar,
  },
  {
    name: 'fault',
    usage: '[APQN|GUEST|any on=… rc=… count=… | clear]',
    meaning: 'injects faults; alone: which there are',
    run: fault,
  },
  { name: 'save', usage: 'FILE', meaning: 'writes the whole machine to a file', run: save },
  { name: 'restore', usage: 'FILE', meaning: 'goes on with a saved machine', run: restore },
  {
    name: 'export-sysfs',
    usage: 'FOLDER',
    meaning: 'writes /sys as it is now into a folder',
    run: exportSysfs,
  },
  { name: 'dmesg', usage: '[--ring RING]', meaning: 'what the kernel logged', run: dmesg },
  { name: 'uevents', usage: '[-p]', meaning: 'what the kernel told udev', run: uevents },
];
