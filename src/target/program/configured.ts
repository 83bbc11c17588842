// SPDX-License-Identifier: Apache-2.0
// What a target reads from a configuration and a scenario before anything runs.
import { replyField } from '../../cex/reply-fields.ts';
import type { GuestConfig, MachineConfig } from '../../config/types.ts';
import { ApemuError } from '../../errors.ts';
import type { EventStatement } from '../../program/ast.ts';

/**
 * Whether an event changes replies in a way that a driver cannot notice, so that results mean nothing: in a field that nobody looks at,
 * or one that then says that all is well. `opaque` tells that there are replies without headers.
 */
export const isBlinding = ({ event }: EventStatement, opaque: boolean): boolean => {
  if (event.kind === 'reply') return opaque || event.reply.kind === 'shape';
  if (event.kind !== 'field' || event.field === 'psmid') return false;
  const saysWell = event.value === 0 && (event.field === 'code' || event.field === 'rc');
  return opaque || saysWell || replyField(event.field)?.noticed !== true;
};

export const isLoopback = ({ machine }: MachineConfig, apqn: number): boolean =>
  machine.adapters.get(apqn >>> 8)?.mode === 'loopback';

/** Depth of the deepest of some queues. */
export const depthOf = ({ machine }: MachineConfig, queues: readonly number[]): number =>
  queues.reduce((most, apqn) => Math.max(most, machine.adapters.get(apqn >>> 8)?.depth ?? 0), 0);

export const lastTime = (events: readonly EventStatement[]): number =>
  events.reduce(
    (last, { trigger }) => (trigger.kind === 'at' ? Math.max(last, trigger.timeNs) : last),
    0,
  );

/**
 * The guest that runs the driver.
 *
 * @throws ApemuError `APEMU_ERR_TARGET_GUEST`
 */
export const guestOf = (config: MachineConfig, name: string | undefined): GuestConfig => {
  const guest =
    name === undefined
      ? config.guests.find(({ mdev }) => mdev !== undefined)
      : config.guests.find((one) => one.name === name);
  if (guest?.mdev !== undefined) return guest;
  const names = config.guests.filter(({ mdev }) => mdev !== undefined).map((one) => one.name);
  throw new ApemuError(
    'APEMU_ERR_TARGET_GUEST',
    `no guest ${name ?? ''} with queues can run the driver (expected one of ${names.join(', ') || 'the guests of a configuration with an mdev'})`,
  );
};

/** Queues that a guest has at the start: they are in its mdev and in the partition. */
export const queuesOf = (config: MachineConfig, { mdev }: GuestConfig): number[] =>
  (mdev?.adapters ?? [])
    .filter((apid) => config.machine.adapters.get(apid)?.configured === true)
    .flatMap((apid) =>
      (mdev?.domains ?? [])
        .filter((apqi) => config.machine.usageDomains.includes(apqi))
        .map((apqi) => (apid << 8) | apqi),
    );
