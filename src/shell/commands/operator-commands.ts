// SPDX-License-Identifier: Apache-2.0
// The commands of a partition's operator, whoever's Linux runs in it: clock, adapters, faults, and a look at the instructions.
// Source: docs/design.md sections 4, 6 and 7.

import { ERRNO_TEXT, type Errno } from '../../ap-bus/errno.ts';
import { formatDuration, parseDurationNs } from '../../config/units.ts';
import type { DeclaredFault } from '../../lpar/declared-fault.ts';
import { LineError, splitLine, tokenize } from '../../program/lexer.ts';
import { LPAR_VERBS } from '../../program/lpar-verbs.ts';
import { FAULT_FIELDS, parseFault, parseLpar } from '../../program/parse-host.ts';
import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import { recordText } from '../../trace/record.ts';
import { NS_PER_SECOND } from '../../units.ts';
import type { ShellContext } from '../context.ts';
import { type CommandRow, columns, described, type Invocation } from './command-row.ts';
import { isQuiet } from './guests.ts';

/** Nanoseconds of virtual time after which `clock run` gives up. */
const RUN_LIMIT_NS = 60_000_000_000;
const RUN_SLICE_NS = 10_000_000;
/** Seconds that each suffix of sleep stands for. */
const SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * Nanoseconds of a time such as `2ms`, `1.5` or `3m`; undefined if it is not a time. A number without a unit is in seconds, as for sleep.
 */
function timeOf(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(text);
  if (match === null) return parseDurationNs(text);
  const ns = Math.round(Number(match[1]) * SECONDS[match[2]] * NS_PER_SECOND);
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

/** `clock`, `clock advance TIME`, `clock run [TIME]`. Prints the time after it. */
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
  done(`${formatDuration(context.partition.nowNs())}\n`);

/** Lets time pass until nothing one-off is outstanding and guests have nothing to do. Returns false if the limit came first. */
async function settle(context: ShellContext, limitNs: number): Promise<boolean> {
  const { partition: machine } = context;
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

/** Parses a line of the syntax of AP programs. Mistakes become messages. */
function parsed<T>(name: string, args: readonly string[], parse: (line: string) => T): T | string {
  try {
    return parse(args.join(' '));
  } catch (error) {
    if (!(error instanceof LineError)) throw error;
    const expected = error.expected === undefined ? '' : ` (expected ${error.expected})`;
    return `${name}: ${error.message}${expected}`;
  }
}

/** `lpar`: a verb of the operator; without a verb, shows the partition. */
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

/**
 * `fault`: without arguments shows the faults that were declared; else declares a fault, in the syntax of AP programs. Times of `at` are
 * those that the clock shows.
 */
function fault({ args, context }: Invocation): CommandResult {
  if (args.length === 0) return done(columns(context.partition.faults.list().map(rowOfFault)));
  const statement = parsed('fault', args, (line) => {
    const parts = splitLine(line);
    return parseFault(HEAD, tokenize(parts.body, 1), { ...parts, expectation: undefined });
  });
  if (typeof statement === 'string') return failed(statement);
  const { fault: declared } = statement;
  if (declared === 'clear') context.partition.faults.clear();
  else {
    if (declared.guest !== undefined) context.machine.guest(declared.guest);
    const { warnings } = context.partition;
    const known = warnings.length;
    context.partition.fault(declared);
    const told = warnings.slice(known).map((text) => `warning: ${text}\n`);
    return { ...done(''), stderr: told.join('') };
  }
  return done('');
}

/** Number of records that `trace` shows if no number is given. */
const TRACE_SHOWN = 20;

/** `trace [N]`: shows the last AP instructions, the newest last. */
function trace({ args, context }: Invocation): CommandResult {
  const [count = String(TRACE_SHOWN)] = args;
  if (args.length > 1 || !/^\d{1,6}$/.test(count)) return failed('usage: trace [NUMBER]', 2);
  const { trace: recent } = context.options;
  if (recent === undefined)
    return failed('trace: nobody keeps the instructions of this machine (apemu qemu --shell does)');
  context.partition.trace?.flush();
  return done(recent.last(Number(count)).map(recordText).join(''));
}

const CLOCK_DETAILS = `  advance TIME  lets time pass; guests run meanwhile
  run [TIME]    until guests have nothing to do, at most TIME (60s)
  TIME is 2ms, 1.5s, 30us, 100ns, 2m, or a number of seconds
`;

/** The verbs of the operator with their operands: all, or one. */
const lparVerbs = (verb?: string): string =>
  columns(
    LPAR_VERBS.filter((row) => verb === undefined || row.verb === verb).map((row) => [
      `  ${row.verb} ${row.operands.join(' ')}`,
      row.meaning,
    ]),
  );

const FAULT_DETAILS = `${described(
  Object.entries(FAULT_FIELDS).map(([name, { expected, does }]) => [
    `${name}=…`,
    `${does}: ${expected}`,
  ]),
)}
  fault 05.0004 on=nqap rc=10 count=2  the queue is full twice
  fault Guest1 on=dqap delay=5ms       replies of this guest come late
  fault clear                          ends them all
`;

export const OPERATOR_COMMANDS: readonly CommandRow[] = [
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
    details: () => FAULT_DETAILS,
    run: fault,
  },
  {
    name: 'trace',
    usage: '[NUMBER]',
    meaning: 'the last AP instructions; 20 without a number',
    run: trace,
  },
];
