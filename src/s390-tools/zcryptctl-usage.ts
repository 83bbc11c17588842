// SPDX-License-Identifier: Apache-2.0
// What zcryptctl says of itself: `--help`, and of each command what it is for.
// Source: s390-tools 2.43, zcryptctl.8; the form of libutil/util_prg.c.
import { HELP_AND_VERSION, helpText, type ToolProgram } from './options.ts';

/** Commands in the order of the help, with their operands and what they do. */
const COMMANDS: readonly (readonly [name: string, operands: string, meaning: string])[] = [
  ['list', '', 'Lists the additional zcrypt device nodes.'],
  [
    'create',
    ' [nodename]',
    'Makes a zcrypt device node. Without a name it is zcrypt_<x>, <x> being the next free number. Nothing is allowed on a new node.',
  ],
  [
    'destroy',
    ' <nodename>',
    'Marks a node for removal, which happens when nobody uses it any more.',
  ],
  ['addap', ' <adapter>', 'Lets an adapter be used through the node: 0 to 255, or ALL.'],
  ['delap', ' <adapter>', 'Takes an adapter from the node: 0 to 255, or ALL.'],
  ['adddom', ' <domain>', 'Lets a domain be used through the node: 0 to 255, or ALL.'],
  ['deldom', ' <domain>', 'Takes a domain from the node: 0 to 255, or ALL.'],
  ['addctrl', ' <domain>', 'Lets a control domain be used through the node: 0 to 255, or ALL.'],
  ['delctrl', ' <domain>', 'Takes a control domain from the node: 0 to 255, or ALL.'],
  ['addioctl', ' <ioctlexp>', 'Lets an ioctl be used on the node: its name, 0 to 255, or ALL.'],
  ['delioctl', ' <ioctlexp>', 'Takes an ioctl from the node: its name, 0 to 255, or ALL.'],
  [
    'config',
    ' <configfile>',
    'Does what a file of node=, aps=, doms=, ctrls= and ioctls= lines says.',
  ],
  ['listconfig', '', 'Lists the nodes in the form that config takes.'],
];

export const zcryptctlProgram: ToolProgram = {
  name: 'zcryptctl',
  command: 'COMMAND [COMMAND-PARAMS]',
  operands: '',
  description: 'Display and administrate zcrypt multiple device nodes.',
  years: [2018, 2022],
  options: HELP_AND_VERSION,
  between: COMMANDS.map(([name, operands]) => ` zcryptctl ${name}${operands}\n`).join(''),
};

/** What `--help` prints; behind a command about that one. */
export function zcryptctlHelp(command: string | undefined): string {
  const row = COMMANDS.find(([name]) => name === command);
  if (row === undefined) return helpText(zcryptctlProgram);
  return `Usage: zcryptctl ${row[0]}${row[1]}\n${row[2]}\n`;
}
