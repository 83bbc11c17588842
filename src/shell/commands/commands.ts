// SPDX-License-Identifier: Apache-2.0
// All commands of the shell in one table, and `help` over it.
// Source: docs/design.md section 7.
import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import { BUILTINS } from './builtins.ts';
import { type CommandRow, columns, type Invocation } from './command-row.ts';
import { DISK_COMMANDS } from './disk-commands.ts';
import { GUEST_COMMAND } from './guest-command.ts';
import { MACHINE_COMMANDS } from './machine-commands.ts';
import { SYSTEM_COMMANDS } from './system.ts';
import { TEXT_COMMANDS } from './text-commands.ts';
import { FILE_ROWS, TOOLS } from './tools.ts';

/** Widest usage in the overview; longer ones stand in `help NAME`. */
const USAGE_WIDTH = 40;

const HELP: CommandRow = {
  name: 'help',
  usage: '[COMMAND]',
  meaning: 'what there is',
  run: help,
};

/** Groups of the overview, in its order. */
const GROUPS: readonly (readonly [string, readonly CommandRow[]])[] = [
  ['AP and mediated devices', TOOLS],
  ['Guests and machine', [GUEST_COMMAND, ...MACHINE_COMMANDS]],
  ['Files', [...FILE_ROWS, ...DISK_COMMANDS]],
  ['Texts', TEXT_COMMANDS],
  ['System', SYSTEM_COMMANDS],
  ['Shell', [...BUILTINS, HELP]],
];

/** By name. */
export const COMMANDS: ReadonlyMap<string, CommandRow> = new Map(
  GROUPS.flatMap(([, rows]) => rows).map((row) => [row.name, row]),
);

function help({ args }: Invocation): CommandResult {
  const [name] = args;
  if (name !== undefined) {
    const row = COMMANDS.get(name);
    if (row === undefined) return failed(`help: no command ${name}`);
    return done(`${`${row.name} ${row.usage}`.trimEnd()}\n    ${row.meaning}\n`);
  }
  const groups = GROUPS.map(([title, rows]) => {
    const lines = rows.map((row) => [
      row.name,
      row.usage.length > USAGE_WIDTH ? `${row.usage.slice(0, USAGE_WIDTH - 1)}…` : row.usage,
      row.meaning,
    ]);
    return `${title}\n${overview(lines)}`;
  });
  return done(`${groups.join('\n')}\n${SYNTAX}`);
}

/** Two columns: the command with its operands, what it does. */
const overview = (lines: readonly (readonly string[])[]): string =>
  columns(lines.map(([name, usage, meaning]) => [`  ${name}`, meaning as string, usage as string]))
    .split('\n')
    .map((line) => (line.length > 80 ? `${line.slice(0, 79)}…` : line))
    .join('\n');

const SYNTAX = `A script is what a shell takes: quotes, $Guest1 (its mdev's UUID), $?, $(…),
> >> < 2> 2>&1 << |, ; && || !, if, for, while, set -e, set -x, patterns.
`;
