// SPDX-License-Identifier: Apache-2.0
// Options of `apemu fuzz` that belong to another way of fuzzing: they would be ignored.

import type { Command } from 'commander';
import { ApemuError } from '../errors.ts';
import type { FuzzOptions } from './fuzz-options.ts';

/** What the command does, by the option that asks for it. */
export type FuzzWay = 'driver' | 'kernel' | 'self' | 'replay' | 'replay-kernel' | 'replay-self';

const CAMPAIGN = [
  ...['from', 'out', 'seed', 'cases', 'time', 'workers', 'queue', 'jobs', 'job-cases', 'guest'],
  ...['without', 'http', 'json'],
];
const KERNEL = ['kernel', 'initrd', 'append', 'cover', 'portable', 'lpar', 'planted'];

/** The options each way hears. */
const HEARD: Readonly<Record<FuzzWay, readonly string[]>> = {
  driver: [...CAMPAIGN, 'driver', 'recover-within'],
  kernel: [...CAMPAIGN, ...KERNEL, 'vmlinux', 'blind'],
  self: ['self', 'seed', 'count', 'lines', 'save', 'keep-config', 'json'],
  replay: ['replay', 'driver', 'guest', 'without', 'junit'],
  'replay-kernel': ['replay', ...KERNEL, 'against', 'guest', 'without', 'junit', 'seed'],
  'replay-self': ['replay', 'self', 'seed'],
};

/** How a user asks for each way. */
const ASKED: Readonly<Record<FuzzWay, string>> = {
  driver: '--driver',
  kernel: '--kernel',
  self: '--self',
  replay: '--replay',
  'replay-kernel': '--replay with --kernel',
  'replay-self': '--replay of a program without events',
};

const WAYS = Object.keys(HEARD) as readonly FuzzWay[];

/** @throws ApemuError APEMU_ERR_USAGE_OPTIONS for an option on the command line that this way does not hear */
export function refuseUnheard(way: FuzzWay, command: Command): void {
  for (const option of command.options) {
    const name = option.name();
    const given = command.getOptionValueSource(option.attributeName()) === 'cli';
    if (!given || HEARD[way].includes(name)) continue;
    const others = WAYS.filter((other) => HEARD[other].includes(name)).map((one) => ASKED[one]);
    throw new ApemuError(
      'APEMU_ERR_USAGE_OPTIONS',
      `--${name} says nothing with ${ASKED[way]} (it goes with ${others.join(', ')})`,
    );
  }
}

/** @param own whether a program to be replayed is checked against apemu's own rules */
export function wayOf(
  { kernel, self, replay }: Pick<FuzzOptions, 'kernel' | 'self' | 'replay'>,
  own: boolean,
): FuzzWay {
  if (replay !== undefined)
    return own ? 'replay-self' : kernel === undefined ? 'replay' : 'replay-kernel';
  if (self === true) return 'self';
  return kernel === undefined ? 'driver' : 'kernel';
}
