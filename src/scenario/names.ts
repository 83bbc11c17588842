// SPDX-License-Identifier: Apache-2.0
// The names that scenarios give to guests.
import { nearest } from '../config/mistakes.ts';
import { ApemuError } from '../errors.ts';
import type { Machine } from '../host/machine/machine.ts';

/** `$Guest1` becomes the UUID of that guest's mdev; other words with `$` stay. */
export const withUuids = (machine: Machine, command: string): string =>
  command.replace(
    /\$([A-Za-z][A-Za-z0-9_-]*)/g,
    (text, name: string) => machine.guests.find((guest) => guest.name === name)?.uuid ?? text,
  );

/** Number of a guest in the image. @throws ApemuError `APEMU_ERR_SCENARIO_GUEST` */
export const guestNumber = (machine: Machine, name: string): number => {
  const guest = machine.guests.find((candidate) => candidate.name === name);
  if (guest !== undefined) return guest.number;
  const names = machine.guests.map((candidate) => candidate.name);
  const close = nearest(name, names);
  const hint = close === undefined ? '' : `, did you mean ${close}?`;
  throw new ApemuError(
    'APEMU_ERR_SCENARIO_GUEST',
    `the machine has no guest ${name}${hint} (expected one of ${names.join(', ')})`,
  );
};
