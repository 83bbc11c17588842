// SPDX-License-Identifier: Apache-2.0
// `partition`: shows who has which queue, what it does, and how full it is; with --json everything that the page of `apemu view` shows.
// Source: docs/view.md.

import { formatDuration } from '../../config/units.ts';
import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import { NS_PER_MS, NS_PER_SECOND } from '../../units.ts';
import { type PartitionView, partitionView, type QueueView } from '../partition-view.ts';
import { type CommandRow, columns, type Invocation } from './command-row.ts';

function partition({ args, context }: Invocation): CommandResult {
  const [option] = args;
  if (args.length > 1 || (option !== undefined && option !== '--json'))
    return failed('usage: partition [--json]', 2);
  const view = partitionView(context);
  return done(option === undefined ? textOf(view) : `${JSON.stringify(view)}\n`);
}

/** A time of the computer's clock is no round number: of more than a second the milliseconds. */
const readable = (ns: number): number =>
  ns > NS_PER_SECOND ? Math.round(ns / NS_PER_MS) * NS_PER_MS : ns;

/** `Guest1 2/8`, and its state where it is not simply idle or at work. */
const cellOf = ({ owner, messages, depth, state }: QueueView): string =>
  `${owner} ${messages}/${depth}${state === 'idle' || state === 'working' ? '' : ` ${state}`}`;

function textOf(view: PartitionView): string {
  const queues = new Map(view.queues.map((queue) => [queue.apqn, queue]));
  const cell = (apqn: string): string => {
    const queue = queues.get(apqn);
    return queue === undefined ? '' : cellOf(queue);
  };
  const rows = view.adapters.map(({ apid, type, state }) => [
    `${apid} ${type}`,
    state,
    ...view.domains.map((apqi) => cell(`${apid}.${apqi}`)),
  ]);
  const more = view.more === 0 ? '' : `${view.more} more queues are not shown\n`;
  return `${columns([['ADAPTER', 'STATE', ...view.domains], ...rows])}${more}at ${formatDuration(readable(view.timeNs))}\n`;
}

export const PARTITION_COMMAND: CommandRow = {
  name: 'partition',
  usage: '[--json]',
  meaning: 'adapters and domains, who has which queue',
  options: ['--json'],
  run: partition,
};
