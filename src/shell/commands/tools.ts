// SPDX-License-Identifier: Apache-2.0
// The programs of s390-tools, mdevctl and util-linux that an AP administrator uses, for this machine's tree.
// Source: docs/reference/vfio-ap.md sections 7.3 and 7.4.
import { isOperation, type Operation } from '../../ap-bus/operation.ts';
import { DEFAULT_RELEASE, releaseOf } from '../../s390-tools/releases.ts';
import { type ZdevProgram, zdevHelp, zdevVersion } from '../../s390-tools/zdev-usage.ts';
import { type ApCheckCall, apCheck, type MdevConfig } from '../../sysfs/ap-check.ts';
import { chzcrypt } from '../../sysfs/chzcrypt.ts';
import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import { FILE_COMMANDS } from '../../sysfs/file-commands.ts';
import { lszcrypt } from '../../sysfs/lszcrypt.ts';
import { chzdev, lszdev } from './chzdev.ts';
import type { CommandRow, Invocation, Run } from './command-row.ts';
import { runMdevctl } from './mdevctl.ts';

const EVENTS = ['pre', 'post', 'get', 'live'] as const;
const ACTIONS = [
  'define',
  'modify',
  'start',
  'stop',
  'undefine',
  'attributes',
  'capabilities',
] as const;

const isOneOf = <T extends string>(words: readonly T[], word: string | undefined): word is T =>
  (words as readonly string[]).includes(word ?? '');

/** `ap-check -t TYPE -e EVENT -a ACTION [-s STATE] -u UUID -p PARENT`, with the definition as JSON on standard input. */
function* runApCheck({ args, context, input }: Invocation): Operation<CommandResult> {
  const given: Record<string, string> = {};
  for (let i = 0; i < args.length; i += 2) given[args[i]] = args[i + 1] ?? '';
  const { '-e': event, '-a': action } = given;
  if (!isOneOf(EVENTS, event)) return failed(`ap-check: unknown event '${event ?? ''}'`);
  if (!isOneOf(ACTIONS, action)) return failed(`ap-check: unknown action '${action ?? ''}'`);
  const text = input.all().trim();
  const config = text === '' ? undefined : configOf(text);
  if (text !== '' && config === undefined)
    return failed('ap-check: unable to parse the definition');
  const call: ApCheckCall = {
    event,
    action,
    uuid: (given['-u'] ?? '').toLowerCase(),
    parent: given['-p'] ?? '',
    type: given['-t'] ?? '',
    ...(config === undefined ? {} : { config }),
  };
  return yield* apCheck(context.machine.sysfs, context.persistent, call);
}

/** A definition from JSON; undefined if it is not one. */
function configOf(text: string): MdevConfig | undefined {
  try {
    const value = JSON.parse(text) as Partial<MdevConfig>;
    const { mdev_type, start = 'manual', attrs = [] } = value;
    const pairs =
      Array.isArray(attrs) &&
      attrs.every(
        (pair) =>
          typeof pair === 'object' &&
          pair !== null &&
          Object.values(pair).every((v) => typeof v === 'string'),
      );
    return typeof mdev_type === 'string' && pairs ? { mdev_type, start, attrs } : undefined;
  } catch {
    return undefined;
  }
}

function uuidgen({ args, context }: Invocation): CommandResult {
  const bad = args.find((arg) => !['-r', '--random'].includes(arg));
  if (bad !== undefined) return failed(`uuidgen: unrecognized option '${bad}'`);
  return done(`${context.random.uuid()}\n`);
}

/** A command that works on files, with all files that the shell sees. */
function* onFiles({
  name,
  args,
  context,
  input,
  toTerminal,
}: Invocation): Operation<CommandResult> {
  const command = FILE_COMMANDS[name] as (typeof FILE_COMMANDS)[string];
  const reads = name === 'cat' && args.every((arg) => arg === '-' || !arg.startsWith('-'));
  const wanted = reads && (args.length === 0 || args.includes('-'));
  const { columns } = context.options;
  const answer = command({
    tree: context.files,
    args,
    stdin: wanted || (name === 'cat' && !reads) ? input.all() : '',
    ...(toTerminal && columns !== undefined ? { columns } : {}),
  });
  return isOperation(answer) ? yield* answer : answer;
}

/** A program of zdev: it prints its help or version before it looks at anything else. */
const zdev =
  (program: ZdevProgram, run: Run): Run =>
  (invocation) => {
    const { args, context } = invocation;
    const release = releaseOf(context.machine.config.host.s390Tools ?? DEFAULT_RELEASE);
    if (args.includes('-h') || args.includes('--help')) return done(zdevHelp(program, release));
    if (args.includes('-v') || args.includes('--version'))
      return done(zdevVersion(program, release));
    return run(invocation);
  };

export const FILE_ROWS: readonly CommandRow[] = [
  { name: 'cat', usage: '[-n] [FILE…]', meaning: 'reads files', run: onFiles },
  { name: 'ls', usage: '[-1adlrR] [FILE…]', meaning: 'lists files', run: onFiles },
  { name: 'tree', usage: '[-d] [-L N] [FOLDER…]', meaning: 'draws what is below', run: onFiles },
  { name: 'readlink', usage: '[-f] LINK…', meaning: 'where links lead', run: onFiles },
  {
    name: 'find',
    usage: '[FOLDER…] [-name P] [-type dfl]',
    meaning: 'files below that match',
    run: onFiles,
  },
];

export const TOOLS: readonly CommandRow[] = [
  {
    name: 'lszcrypt',
    usage: '[-V] [-s] [-b | -d | -c ID] [ID…]',
    options: [
      ...[
        '-V',
        '-s',
        '-b',
        '-d',
        '-c',
        '-h',
        '-v',
        '--verbose',
        '--serial',
        '--bus',
        '--domains',
        '--capability',
      ],
      ...[
        '--accelonly',
        '--ccaonly',
        '--ep11only',
        '--cardonly',
        '--queueonly',
        '--help',
        '--version',
      ],
    ],
    meaning: 'cards and queues of the host',
    run: ({ args, context: { machine } }) =>
      lszcrypt(machine.sysfs, args, machine.config.host.s390Tools),
  },
  {
    name: 'chzcrypt',
    usage: '-e|-d ID… | --config-on|-off ID…',
    options: [
      ...[
        '-e',
        '-d',
        '-a',
        '-p',
        '-n',
        '-c',
        '-t',
        '-q',
        '-V',
        '-h',
        '-v',
        '--enable',
        '--disable',
        '--all',
      ],
      ...[
        '--config-on',
        '--config-off',
        '--se-bind',
        '--se-unbind',
        '--se-associate',
        '--help',
        '--version',
      ],
      ...[
        '--poll-thread-enable',
        '--poll-thread-disable',
        '--config-time',
        '--poll-timeout',
        '--default-domain',
      ],
    ],
    meaning: 'changes cards, queues and the AP bus',
    run: ({ args, context: { machine } }) =>
      chzcrypt(machine.sysfs, args, machine.config.host.s390Tools),
  },
  {
    name: 'chzdev',
    usage: '[-a|-p] --type ap apmask=LIST aqmask=LIST',
    options: [
      '-a',
      '-p',
      '-t',
      '--active',
      '--persistent',
      '--type',
      '--help',
      '--version',
      'apmask=',
      'aqmask=',
    ],
    meaning: 'changes the masks of the AP bus',
    run: zdev('chzdev', chzdev),
  },
  {
    name: 'lszdev',
    usage: '[-a|-p] --type ap',
    meaning: 'shows them as lists',
    options: ['-a', '-p', '-t', '--active', '--persistent', '--type', '--help', '--version'],
    run: zdev('lszdev', lszdev),
  },
  {
    name: 'mdevctl',
    usage: 'types|list|define|start|stop|modify|undefine …',
    meaning: 'mediated devices',
    verbs: ['types', 'list', 'define', 'start', 'stop', 'modify', 'undefine'],
    options: [
      '--help',
      ...[
        '-u',
        '-p',
        '-t',
        '-a',
        '-m',
        '-d',
        '-v',
        '-i',
        '--uuid',
        '--parent',
        '--type',
        '--auto',
        '--manual',
      ],
      ...[
        '--defined',
        '--verbose',
        '--dumpjson',
        '--jsonfile',
        '--addattr',
        '--delattr',
        '--index',
        '--value',
        '--live',
      ],
    ],
    run: runMdevctl,
  },
  {
    name: 'ap-check',
    usage: '-t TYPE -e EVENT -a ACTION -u UUID -p PARENT',
    meaning: "mdevctl's call-out for AP",
    run: runApCheck,
  },
  { name: 'uuidgen', usage: '', meaning: 'a random UUID, from the seed', run: uuidgen },
];
