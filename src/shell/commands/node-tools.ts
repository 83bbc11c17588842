// SPDX-License-Identifier: Apache-2.0
// zcryptctl, which works on this machine's nodes, and zcryptstats, which asks the channel subsystem: neither a KVM guest nor this host
// has one that answers.
// Source: docs/reference/messages.md section 9 (zcryptctl: class/zcrypt; zcryptstats: /dev/chsc); s390-tools 2.43, zcryptstats.c (order
// of its checks).
import { ERRNO_TEXT } from '../../ap-bus/errno.ts';
import type { Operation } from '../../ap-bus/operation.ts';
import {
  HELP_AND_VERSION,
  helpText,
  readOptions,
  type ToolOption,
  type ToolProgram,
  tryHelp,
  versionText,
} from '../../s390-tools/options.ts';
import { DEFAULT_RELEASE, releaseOf } from '../../s390-tools/releases.ts';
import { ToolRun } from '../../s390-tools/result.ts';
import { type CommandResult, done } from '../../sysfs/command.ts';
import { ZCRYPTCTL_COMMANDS, zcryptctl } from '../../sysfs/zcryptctl.ts';
import type { CommandRow, Invocation } from './command-row.ts';

const VERSION = releaseOf(DEFAULT_RELEASE).version;

function runZcryptctl({ args, context }: Invocation): Operation<CommandResult> {
  const { files } = context;
  return zcryptctl({
    sysfs: context.machine.sysfs,
    args,
    version: VERSION,
    isDevice: (name) => {
      const status = files.stat(`/dev/${name}`);
      return status.ok && status.kind === 'char';
    },
    readFile: (path) => {
      const read = files.disk.read(files.absolute(path));
      return read.ok ? new TextDecoder().decode(read.bytes) : undefined;
    },
  });
}

const STATISTICS_OPTIONS: readonly ToolOption[] = [
  {
    ...{ name: 'interval', letter: 'i', argument: 'INTERVAL' },
    description: 'Seconds between two reports; default 10',
  },
  {
    ...{ name: 'count', letter: 'c', argument: 'COUNT' },
    description: 'Reports to make; default without end',
  },
  {
    ...{ name: 'output', letter: 'o', argument: 'JSON|TABLE|CSV' },
    description: 'Form of the reports; TABLE and CSV have totals only',
  },
  { name: 'no-totals', letter: 't', description: 'Counters without their totals' },
  { name: 'only-totals', letter: 'T', description: 'Totals only' },
  { name: 'no-apqn', letter: 'a', description: 'Cards only, not their queues' },
  {
    ...{ name: 'map-type', letter: 'M', argument: 'MAPPING' },
    description: 'Reads cards of an unknown type and mode as those of a known one',
  },
  { name: 'all', letter: 'A', description: 'Devices too that this Linux does not have' },
  { name: 'only-online', letter: 'O', description: 'Online devices only' },
  { name: 'verbose', letter: 'V', description: 'More messages' },
  ...HELP_AND_VERSION,
];

const STATISTICS: ToolProgram = {
  name: 'zcryptstats',
  operands: '[DEVICE_IDS]',
  description: 'Display usage statistics of IBM Crypto Express adapters',
  years: [2019, 2019],
  options: STATISTICS_OPTIONS,
};

const CHSC = '/dev/chsc';
const AP_DEVICES = '/sys/devices/ap';

/** Options whose values are checked. */
const VALUES: Readonly<Record<string, (value: string) => boolean>> = {
  interval: (value) => /^\+?(?:0[xX][0-9a-fA-F]+|\d+)$/.test(value) && Number(value) > 0,
  count: (value) => /^\+?(?:0[xX][0-9a-fA-F]+|\d+)$/.test(value) && Number(value) > 0,
  output: (value) => /^(?:JSON|TABLE|CSV)$/i.test(value),
};

const refused = (run: ToolRun, mistake: string): CommandResult => {
  run.warn(mistake);
  return run.failureWith(tryHelp(run.program));
};

function runZcryptstats({ args, context }: Invocation): CommandResult {
  const run = new ToolRun('zcryptstats');
  const { options } = readOptions(args, STATISTICS_OPTIONS);
  for (const option of options) {
    if (option.mistake !== undefined) return refused(run, option.mistake);
    const { name, value } = option;
    if (VALUES[name]?.(value) === false)
      return refused(run, `Invalid value for '--${name}'|'-${name[0]}': '${value}'`);
    if (name === 'help') return done(helpText(STATISTICS));
    if (name === 'version') return done(versionText(STATISTICS, VERSION));
  }
  const given = options.flatMap((one) => (one.mistake === undefined ? [one] : []));
  const has = (name: string): boolean => given.some((one) => one.name === name);
  const format = given.findLast((one) => one.name === 'output')?.value.toUpperCase();
  const onlyTotals = has('only-totals') || format === 'TABLE' || format === 'CSV';
  if (onlyTotals && has('no-totals'))
    return run.failure('Either --no-totals or --only-totals can be specified, but not both');
  if (has('only-online') && has('all'))
    return run.failure('Either --only-online or --all can be specified, but not both');
  const cards = context.files.list(AP_DEVICES);
  if (!cards.ok) return run.failure('Crypto device driver is not available');
  if (!cards.names.some((name) => name.startsWith('card')))
    return run.failure('No crypto card devices found');
  const status = context.files.stat(CHSC);
  run.warn(`File '${CHSC}:' ${ERRNO_TEXT[status.ok ? 'EOPNOTSUPP' : status.errno]}`);
  return run.failure("You might have to load kernel module 'chsc_sch' using 'modprobe chsc_sch'");
}

export const NODE_TOOLS: readonly CommandRow[] = [
  {
    name: 'zcryptctl',
    usage: 'COMMAND [NODE] [NUMBER]',
    meaning: 'zcrypt device nodes',
    options: ['-h', '-v', '--help', '--version'],
    verbs: ZCRYPTCTL_COMMANDS,
    run: runZcryptctl,
  },
  {
    name: 'zcryptstats',
    usage: '[-i SECONDS] [-c COUNT] [ID…]',
    meaning: 'measurements of cards; needs /dev/chsc, which this host lacks',
    options: STATISTICS_OPTIONS.map(({ name }) => `--${name}`),
    run: runZcryptstats,
  },
];
