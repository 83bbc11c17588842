// SPDX-License-Identifier: Apache-2.0
// `guest migrate`: does what `virsh migrate --live` does, between the machines of this configuration.
// Source: docs/migration.md (two hosts).
import { isMovedInterruptions, MOVED_INTERRUPTIONS } from '../../cluster/interruptions.ts';
import type { MigrateOptions } from '../../cluster/migration.ts';
import { parseDurationNs, parseNumber } from '../../config/units.ts';
import type { GuestHandle } from '../../host/api/guest-handle.ts';
import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import type { ShellContext } from '../context.ts';

/** The operands of `migrate`, for its usage and for help. */
export const MIGRATE_WORDS = `NAME MACHINE [--chunk BYTES] [--downtime TIME] [--interruptions ${MOVED_INTERRUPTIONS.join('|')}]`;
const USAGE = `usage: guest migrate ${MIGRATE_WORDS}`;

/** For each option, the meaning of its value; undefined for a value that is not legal. */
const OPTIONS: Readonly<Record<string, (text: string) => MigrateOptions | undefined>> = {
  '--chunk': (text) => {
    const chunkBytes = parseNumber(text) ?? 0;
    return chunkBytes < 1 ? undefined : { chunkBytes };
  },
  '--downtime': (text) => {
    const downtimeNs = parseDurationNs(text);
    return downtimeNs === undefined ? undefined : { downtimeNs };
  },
  '--interruptions': (text) => (isMovedInterruptions(text) ? { interruptions: text } : undefined),
};

function optionsOf(words: readonly string[]): MigrateOptions | undefined {
  let options: MigrateOptions = {};
  for (let n = 0; n < words.length; n += 2) {
    const [name = '', value = ''] = words.slice(n, n + 2);
    const read = Object.hasOwn(OPTIONS, name) ? OPTIONS[name](value) : undefined;
    if (read === undefined) return undefined;
    options = { ...options, ...read };
  }
  return options;
}

/** Drives the migration. Time passes on all machines, and Ctrl-C cancels it. */
export async function migrateGuest({
  context,
  guest,
  rest: [to, ...words],
}: {
  readonly context: ShellContext;
  readonly guest: GuestHandle;
  readonly rest: readonly string[];
}): Promise<CommandResult> {
  const { cluster } = context.options;
  if (cluster === undefined)
    return failed('guest: migrate needs several machines (machines: in the configuration)');
  const options = optionsOf(words);
  if (to === undefined || options === undefined) return failed(USAGE, 2);
  context.catchUp();
  const { outcome, text } = await cluster.migrateOutside(guest.name, to, options, async () => {
    await context.options.breathe?.();
    if (context.interrupted) cluster.cancel(guest.name);
  });
  return outcome === 'ok' ? done(`${text}\n`) : failed(text);
}
