// SPDX-License-Identifier: Apache-2.0
// zcryptctl and zcryptstats: what they need of a kernel is not there, which they say as on a machine without it.
// Source: docs/reference/messages.md section 9 (zcryptctl: class/zcrypt; zcryptstats: /dev/chsc, not in a KVM guest).
import { ERRNO_TEXT } from '../../ap-bus/errno.ts';
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
import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import type { CommandRow, Invocation } from './command-row.ts';

/** Commands of zcryptctl; all work on zcrypt device nodes. */
const VERBS = [
  ...['list', 'listconfig', 'config', 'create', 'destroy', 'addap', 'delap', 'adddom', 'deldom'],
  ...['addioctl', 'delioctl', 'addctrl', 'delctrl'],
];

const STATISTICS_OPTIONS: readonly ToolOption[] = [
  {
    name: 'interval',
    letter: 'i',
    argument: 'INTERVAL',
    description: 'Seconds between two reports',
  },
  { name: 'count', letter: 'c', argument: 'COUNT', description: 'Reports to make' },
  { name: 'output', letter: 'o', argument: 'FORMAT', description: 'JSON, TABLE or CSV' },
  { name: 'all', letter: 'a', description: 'Devices that are offline too' },
  { name: 'total', letter: 't', description: 'Totals only' },
  { name: 'only-online', letter: 'l', description: 'Online devices only' },
  { name: 'verbose', letter: 'V', description: 'More messages' },
  ...HELP_AND_VERSION,
];

interface Tool {
  readonly program: ToolProgram;
  /** Where what it needs would be. */
  readonly needs: string;
  readonly verbs?: readonly string[];
}

const TOOLS: Readonly<Record<'zcryptctl' | 'zcryptstats', Tool>> = {
  zcryptctl: {
    program: {
      name: 'zcryptctl',
      operands: `{${VERBS.join('|')}} [NODE] [ID]`,
      description: 'Lists, makes and restricts zcrypt device nodes.',
      years: [2018, 2020],
      options: HELP_AND_VERSION,
    },
    needs: '/sys/class/zcrypt',
    verbs: VERBS,
  },
  zcryptstats: {
    program: {
      name: 'zcryptstats',
      operands: '[DEVICE_IDS]',
      description: 'Shows how busy cards and queues of the machine are.',
      years: [2018, 2020],
      options: STATISTICS_OPTIONS,
    },
    needs: '/dev/chsc',
  },
};

function run(invocation: Invocation): CommandResult {
  const { program, needs, verbs } = TOOLS[invocation.name as keyof typeof TOOLS];
  const { options, operands } = readOptions(invocation.args, program.options);
  for (const option of options) {
    if (option.mistake !== undefined)
      return failed(`${program.name}: ${option.mistake}\n${tryHelp(program.name)}`);
    if (option.name === 'help') return done(helpText(program));
    if (option.name === 'version')
      return done(versionText(program, releaseOf(DEFAULT_RELEASE).version));
  }
  const [verb] = operands;
  if (verbs !== undefined && (verb === undefined || !verbs.includes(verb)))
    return failed(`${program.name}: unknown command '${verb ?? ''}'\n${tryHelp(program.name)}`);
  const status = invocation.context.files.stat(needs);
  const why = ERRNO_TEXT[status.ok ? 'EOPNOTSUPP' : status.errno];
  return failed(`${program.name}: ${needs}: ${why}`);
}

export const NODE_TOOLS: readonly CommandRow[] = [
  {
    name: 'zcryptctl',
    usage: 'COMMAND [NODE] [ID]',
    meaning: 'zcrypt device nodes, which this kernel lacks',
    options: ['-h', '-v', '--help', '--version'],
    verbs: VERBS,
    run,
  },
  {
    name: 'zcryptstats',
    usage: '[-i SECONDS] [-c COUNT] [ID…]',
    meaning: 'measurements of cards; needs /dev/chsc',
    options: STATISTICS_OPTIONS.map(({ name }) => `--${name}`),
    run,
  },
];
