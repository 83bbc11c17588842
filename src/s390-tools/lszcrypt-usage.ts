// SPDX-License-Identifier: Apache-2.0
// Options and help text of lszcrypt.
// Source: `lszcrypt --help` of s390-tools 2.16 to 2.43, test/golden/s390-tools.
import { HELP_AND_VERSION, type ToolOption, type ToolProgram } from './options.ts';
import type { ReleaseRow } from './releases.ts';

const EARLY_OPTIONS: readonly ToolOption[] = [
  { name: 'bus', letter: 'b', description: 'Show AP bus attributes then exit' },
  {
    name: 'capability',
    letter: 'c',
    argument: 'DEVICE_ID',
    description: 'Show the capabilities of a cryptographic device',
  },
  {
    name: 'domains',
    letter: 'd',
    description: 'Show the configured AP usage and control domains',
  },
  { name: 'verbose', letter: 'V', description: 'Print verbose messages' },
];

const onlyMode = (name: string, mode: string): ToolOption => ({
  name,
  description: `Show only information from cards/queues in ${mode} mode`,
});

const LATER_OPTIONS: readonly ToolOption[] = [
  onlyMode('accelonly', 'Accelerator'),
  onlyMode('ccaonly', 'CCA-Coprocessor'),
  onlyMode('ep11only', 'EP11-Coprocessor'),
  { name: 'cardonly', description: 'Show only information from cards but no queue info' },
  { name: 'queueonly', description: 'Show only information from queues but no card info' },
  {
    name: 'serial',
    letter: 's',
    description: 'Show the serial numbers for CCA and EP11 crypto cards',
  },
];

const EPILOGUE = `
DEVICE_IDS
  List of cryptographic device ids separated by blanks which will be displayed.
  DEVICE_ID could either be card device id ('<card-id>') or queue device id
  '<card-id>.<domain-id>'). To filter all devices according to a dedicated
  domain just provide '.<domain-id>'.
  If no ids are given, all available devices are displayed.

EXAMPLE:
  List all cryptographic devices with card id '02'.
  #>lszcrypt 02

  List cryptographic devices with card id '02' and domain id '0005'.
  #>lszcrypt 02.0005

`;

/** The program's description in a release. */
export const lszcryptProgram = ({ early }: ReleaseRow): ToolProgram => ({
  name: 'lszcrypt',
  operands: '[DEVICE_IDS]',
  description: 'Display zcrypt device and configuration information.',
  years: early ? [2008, 2020] : [2008, 2023],
  options: [...EARLY_OPTIONS, ...(early ? [] : LATER_OPTIONS), ...HELP_AND_VERSION],
  epilogue: EPILOGUE,
});
