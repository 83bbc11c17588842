// SPDX-License-Identifier: Apache-2.0
// Options of `apemu qemu` that say nothing together: one of them would be ignored.

import { ApemuError } from '../errors.ts';

/** Each option, and what does not go with it. */
const CONFLICTS: readonly (readonly [string, readonly string[]])[] = [
  [
    'attach',
    [
      ...['kernel', 'initrd', 'append', 'image', 'memory', 'reboot', 'no-interrupts'],
      ...['lpar', 'QEMU options', 'run', 'expect', 'fail', 'exit-status', 'ready'],
    ],
  ],
  ['exit-status', ['run', 'expect']],
  ['kernel', ['image']],
  ['image', ['initrd']],
  ['lpar', ['guest', 's390-tools']],
  [
    'demo',
    [
      ...['guest', 'kernel', 'initrd', 'append', 'memory', 'reboot', 'no-interrupts', 'hook'],
      ...['lpar', 'attach', 'shell', 's390-tools', 'trace', 'QEMU options'],
      ...['benchmark', 'response-codes'],
      ...['run', 'expect', 'fail', 'timeout', 'exit-status', 'ready', 'scenario'],
    ],
  ],
];

const shown = (name: string): string => (name.includes(' ') ? name : `--${name}`);

/**
 * Refuses options that do not go together.
 *
 * @param given names of the options on the command line; `QEMU options` stands for the arguments after `--`
 * @throws ApemuError APEMU_ERR_USAGE_OPTIONS
 */
export function refuseConflicts(given: ReadonlySet<string>): void {
  for (const [name, others] of CONFLICTS) {
    const other = given.has(name) ? others.find((one) => given.has(one)) : undefined;
    if (other !== undefined)
      throw new ApemuError(
        'APEMU_ERR_USAGE_OPTIONS',
        `${shown(other)} says nothing with ${shown(name)}: leave one of them out`,
      );
  }
  if (given.has('initrd') && !given.has('kernel'))
    throw new ApemuError('APEMU_ERR_USAGE_OPTIONS', '--initrd needs --kernel');
}
