// SPDX-License-Identifier: Apache-2.0
// Options and help text of chzcrypt.
// Source: `chzcrypt --help` of s390-tools 2.16 to 2.43, test/golden/s390-tools.
import { HELP_AND_VERSION, type ToolOption, type ToolProgram } from './options.ts';
import type { ReleaseRow } from './releases.ts';

const device = (name: string, letter: string | undefined, what: string): ToolOption => ({
  name,
  ...(letter === undefined ? {} : { letter }),
  description: `Set the given cryptographic ${what}`,
});

const OPTIONS: readonly ToolOption[] = [
  device('enable', 'e', 'device(s) online'),
  device('disable', 'd', 'device(s) offline'),
  {
    name: 'all',
    letter: 'a',
    description:
      'Set all available cryptographic device(s) online/offline, must be used in conjunction with the enable or disable option',
  },
  device('config-on', undefined, 'card device(s) configured'),
  device('config-off', undefined, 'card device(s) deconfigured'),
  { name: 'poll-thread-enable', letter: 'p', description: "Enable zcrypt's poll thread" },
  { name: 'poll-thread-disable', letter: 'n', description: "Disable zcrypt's poll thread" },
  {
    name: 'config-time',
    letter: 'c',
    argument: 'TIMEOUT',
    description: 'Set configuration timer for re-scanning the AP bus to TIMEOUT seconds',
  },
  {
    name: 'poll-timeout',
    letter: 't',
    argument: 'TIMEOUT',
    description:
      'Set poll timer to run poll tasklet all TIMEOUT nanoseconds after a request has been queued',
  },
  {
    name: 'default-domain',
    letter: 'q',
    argument: 'DOMAIN',
    description: 'Set new default domain to DOMAIN',
  },
  { name: 'verbose', letter: 'V', description: 'Print verbose messages' },
];

const secure = (name: string, verb: string, argument?: string): ToolOption => ({
  name,
  ...(argument === undefined ? {} : { argument }),
  description: `SE guest with AP support only: ${verb} the given queue device`,
});

const SECURE_OPTIONS: readonly ToolOption[] = [
  secure('se-associate', 'Associate', 'assoc_idx'),
  secure('se-bind', 'Bind'),
  secure('se-unbind', 'Unbind'),
];

const DEVICES = `
DEVICE_IDS
  List of cryptographic device ids separated by blanks which will be set
  online/offline. Must be used in conjunction with the enable or disable option.
  DEVICE_ID could either be card device id ('<card-id>') or queue device id
  '<card-id>.<domain-id>').
`;

const QUEUES = `
QUEUE_DEVICE:
  An APQN queue device given as xy.abcd as it is listed by lszcrypt -V.

`;

const EXAMPLES = `EXAMPLE:
  Disable the cryptographic device with card id '02' (inclusive all queues).
  #>chzcrypt -d 02
  
  Enable the cryptographic devices with card id '03' and domain id '0005'.
  #>chzcrypt -e 03.0005
  
`;

/** The program's description in a release. */
export const chzcryptProgram = ({ early }: ReleaseRow): ToolProgram => ({
  name: 'chzcrypt',
  operands: '[DEVICE_IDS]',
  description: 'Modify zcrypt configuration.',
  years: early ? [2008, 2020] : [2008, 2023],
  options: [...OPTIONS, ...(early ? [] : SECURE_OPTIONS), ...HELP_AND_VERSION],
  epilogue: `${DEVICES}${early ? '  \n' : QUEUES}${EXAMPLES}`,
});
