// SPDX-License-Identifier: Apache-2.0
// Commands for saved machines, the exported tree, and what the host's kernel has reported.
// Source: docs/design.md sections 4 and 7; docs/reference/vfio-ap.md sections 3.4 (uevents) and 3.8 (log texts).

import { ERRNO_TEXT } from '../../ap-bus/errno.ts';
import type { LogRing, Uevent } from '../../ap-bus/events.ts';
import { restoreMachine, saveMachine } from '../../host/state/snapshot.ts';
import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import { NS_PER_SECOND } from '../../units.ts';
import type { CommandRow, Invocation } from './command-row.ts';

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
  if (context.options.cluster !== undefined)
    return failed('restore: there are several machines; a saved one is alone');
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

/** A time as in the kernel's log, such as `[   12.345678]`. */
const stamp = (ns: number): string => (ns / NS_PER_SECOND).toFixed(6).padStart(12);

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

export const HOST_COMMANDS: readonly CommandRow[] = [
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
