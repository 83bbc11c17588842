// SPDX-License-Identifier: Apache-2.0
// `machine`: chooses on which of several machines the commands act.
// Source: docs/migration.md (two hosts).
import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import { type CommandRow, columns, type Invocation } from './command-row.ts';

function machine({ args: [name, ...more], context }: Invocation): CommandResult {
  const { cluster } = context.options;
  if (cluster === undefined) return failed('machine: the configuration has one machine');
  if (more.length > 0) return failed('usage: machine [NAME]', 2);
  if (name === undefined) {
    const rows = [...cluster.machines].map(([one, of]) => [
      of === context.machine ? '*' : '',
      one,
      cluster.guestNames.filter((guest) => cluster.whereIs(guest) === one).join(', ') || '-',
    ]);
    return done(columns([['', 'NAME', 'GUESTS'], ...rows]));
  }
  const [job] = context.jobs;
  if (job !== undefined)
    return failed(`machine: ${job.text} waits on this machine (expected after its end)`);
  context.useMachine(cluster.machine(name));
  return done('');
}

export const CLUSTER_COMMANDS: readonly CommandRow[] = [
  {
    name: 'machine',
    usage: '[NAME]',
    meaning: 'the machine that commands act on, of several; alone: all of them',
    run: machine,
  },
];
