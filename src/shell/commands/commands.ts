// SPDX-License-Identifier: Apache-2.0
// The table of all commands of the shell, and `help` about them.
// Source: docs/design.md section 7.

import { wrapped } from '../../s390-tools/options.ts';
import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import type { ShellContext } from '../context.ts';
import { BUILTINS } from './builtins.ts';
import { CLUSTER_COMMANDS } from './cluster-commands.ts';
import { type CommandRow, columns, type Invocation } from './command-row.ts';
import { DISK_COMMANDS } from './disk-commands.ts';
import { GUEST_COMMAND } from './guest-command.ts';
import { HOST_COMMANDS } from './host-commands.ts';
import { MODULE_COMMANDS } from './modules.ts';
import { NODE_TOOLS } from './node-tools.ts';
import { OPERATOR_COMMANDS } from './operator-commands.ts';
import { PARTITION_COMMAND } from './partition-command.ts';
import { SYSTEM_COMMANDS } from './system.ts';
import { TEXT_COMMANDS } from './text-commands.ts';
import { FILE_ROWS, TOOLS } from './tools.ts';

const HELP: CommandRow = {
  name: 'help',
  usage: '[COMMAND [VERB]]',
  meaning: 'what there is',
  run: help,
};

/** A part of the overview. */
interface Group {
  readonly title: string;
  readonly rows: readonly CommandRow[];
  /** Set if these commands have nothing to work on when the partition's Linux is not apemu's. */
  readonly needsHost?: true;
}

/** The groups in the order of the overview. */
const GROUPS: readonly Group[] = [
  {
    title: 'AP and mediated devices',
    rows: [...TOOLS, ...NODE_TOOLS, ...MODULE_COMMANDS],
    needsHost: true,
  },
  { title: 'Partition', rows: [PARTITION_COMMAND, ...OPERATOR_COMMANDS] },
  {
    title: 'Guests and host',
    rows: [GUEST_COMMAND, ...CLUSTER_COMMANDS, ...HOST_COMMANDS],
    needsHost: true,
  },
  { title: 'Files', rows: [...FILE_ROWS, ...DISK_COMMANDS] },
  { title: 'Texts', rows: TEXT_COMMANDS },
  { title: 'System', rows: SYSTEM_COMMANDS },
  { title: 'Shell', rows: [...BUILTINS, HELP] },
];

const byName = (groups: readonly Group[]): ReadonlyMap<string, CommandRow> =>
  new Map(groups.flatMap(({ rows }) => rows).map((row) => [row.name, row]));

/** Every command, by name. */
export const COMMANDS = byName(GROUPS);

const withoutHost = GROUPS.filter(({ needsHost }) => needsHost !== true);
const PARTITION_COMMANDS = byName(withoutHost);

/** The commands of one shell, by name. */
export const commandsOf = ({ host }: ShellContext): ReadonlyMap<string, CommandRow> =>
  host === undefined ? PARTITION_COMMANDS : COMMANDS;

function help({ args, context, commands }: Invocation): CommandResult {
  const [name] = args;
  const groups = context.host === undefined ? withoutHost : GROUPS;
  if (name === undefined) return done(`${groups.map(overview).join('\n')}\n${SYNTAX_OVERVIEW}`);
  const keyword = Object.hasOwn(KEYWORDS, name) ? KEYWORDS[name] : undefined;
  if (keyword !== undefined)
    return done(`${wrapped(keyword[0], 4, 0)}\n    ${wrapped(keyword[1], 4)}\n`);
  const row = commands.get(name);
  if (row === undefined) return failed(`help: no command ${name}`);
  const details = row.details === undefined ? '' : `\n${row.details(args[1]).trimEnd()}\n`;
  const own =
    row.options?.includes('--help') === true ? `    ${name} --help shows the options\n` : '';
  return done(
    `${wrapped(`${row.name} ${row.usage}`.trimEnd(), 4, 0)}\n    ${row.meaning}\n${own}${details}`,
  );
}

/** A part of the overview in two columns: the command, and what it does. `help COMMAND` shows its operands. */
const overview = ({ title, rows }: Group): string =>
  `${title}\n${columns(rows.map((row) => [`  ${row.name}`, row.meaning]))}`;

/** Words of the language, as `help` shows them. */
const KEYWORDS: Readonly<Record<string, readonly [string, string]>> = {
  if: [
    'if LIST; then LIST; [elif LIST; then LIST;]… [else LIST;] fi',
    'runs what follows a condition',
  ],
  for: [
    'for NAME [in WORD…]; do LIST; done   or   for ((A; B; C)); do LIST; done',
    'runs a list for each word',
  ],
  while: ['while LIST; do LIST; done', 'runs a list as long as a condition holds'],
  until: ['until LIST; do LIST; done', 'runs a list until a condition holds'],
  case: [
    'case WORD in [PATTERN [| PATTERN]…) LIST ;;]… esac',
    'runs what stands behind the first pattern that matches',
  ],
  function: ['NAME() COMMAND   or   function NAME COMMAND', 'makes a command of commands'],
  '[[': [
    '[[ CONDITION ]]',
    'a condition with && || ! ( ), == and != with patterns, =~ with a regular expression',
  ],
  '((': ['(( EXPRESSION ))', 'arithmetic; status 0 if the result is not 0'],
  '{': ['{ LIST; }', 'several commands as one'],
  '(': ['( LIST )', 'the same, in a shell of its own'],
};

const SYNTAX_OVERVIEW = `help COMMAND shows its operands and verbs. Of the language it knows
${Object.keys(KEYWORDS).join(' ')}
A script is what bash takes; $Guest1 is the UUID of that guest's mdev.
`;
