// SPDX-License-Identifier: Apache-2.0
// Help texts of lszdev and chzdev.
// Source: `lszdev --help` and `chzdev --help` of s390-tools 2.35 to 2.43, test/golden/s390-tools.
import type { ReleaseRow } from './releases.ts';

/** An option or operand, and what it does. */
type Line = readonly [string, string];

interface Section {
  readonly title: string;
  /** Text, as lines. */
  readonly text?: readonly string[];
  readonly lines?: readonly Line[];
}

/** Operands that both programs take. */
const OPERANDS: readonly Section[] = [
  {
    title: 'TYPE',
    text: [
      'Device type to which this command applies. Use --list-types to display',
      'supported types.',
    ],
  },
  {
    title: 'DEVICE',
    lines: [
      ['ID', 'Select single device by ID, e.g. 0.0.1234'],
      ['FROM-TO', 'Select range of devices between FROM and TO'],
      ['DEV1,DEV2,...', 'Select list of devices or device ranges'],
    ],
  },
];

/** The selection after its first line. */
const SELECTION: readonly Line[] = [
  ['--configured', 'Select devices with a persistent configuration'],
  ['--existing', 'Select devices found in the active configuration'],
  ['--online/--offline', 'Select devices that are online/offline'],
  ['--failed', 'Select devices that are not functioning correctly'],
  ['--ipldev', 'Select device used for IPL/boot'],
  ['--by-path PATH', 'Select device providing file system path, e.g. /usr'],
  ['--by-node NODE', 'Select device providing device node, e.g. /dev/sda'],
  ['--by-interface NAME', 'Select device providing network interface, e.g. eth0'],
  ['--by-attrib KEY=VALUE', 'Select devices with specified attribute value'],
];

const LSZDEV: readonly Section[] = [
  ...OPERANDS,
  {
    title: 'SELECTION',
    lines: [['--all', 'Select all existing and configured devices (default)'], ...SELECTION],
  },
  {
    title: 'ACTIONS',
    lines: [
      ['-i, --info', 'Display detailed information'],
      ['-l, --list-columns', 'List available output columns'],
      ['-L, --list-types', 'List supported device types'],
      ['-h, --help', 'Print usage information, then exit'],
      ['-v, --version', 'Print version information, then exit'],
    ],
  },
  {
    title: 'OPTIONS',
    lines: [
      ['-a, --active', 'Only show data from the active configuration'],
      ['-p, --persistent', 'Only show data from the persistent configuration'],
      ['-t, --type', 'List information about device type'],
      ['-c, --columns COLUMNS', 'Specify comma-separated list of columns to display'],
      ['-n, --no-headings', 'Do not print column headings'],
      ['    --base PATH', 'Use PATH as base for accessing files'],
      ['    --pairs', 'Produce output in KEY="VALUE" format'],
      ['    --shell', 'Produces KEY="VALUE" format usable as shell variables'],
      ['    --auto-conf', 'Only show auto-configuration data'],
      ['-s, --site ID', 'Only show data configured for the specified site'],
      ['-V, --verbose', 'Print additional run-time information'],
      ['-q, --quiet', 'Print only minimal run-time information'],
    ],
  },
];

const CHZDEV: readonly Section[] = [
  ...OPERANDS,
  {
    title: 'SELECTION',
    lines: [['--all', 'Select all existing and configured devices'], ...SELECTION],
  },
  {
    title: 'SETTINGS',
    text: [
      'Specifications in the form ATTRIB=VALUE used to modify device or device type',
      'settings.  Use --list-attributes (also with --type) to list available',
      'attributes.',
    ],
  },
  {
    title: 'ACTIONS',
    lines: [
      ['-e, --enable', 'Enable device'],
      ['-d, --disable', 'Disable specified setting of the device'],
      ['-D, --disable-all', 'Disable all the settings of the device'],
      ['-l, --list-attributes', 'List attributes'],
      ['-L, --list-types', 'List supported device types'],
      ['-H, --help-attribute', 'Show detailed help on specified attribute'],
      ['    --export FILENAME', 'Export configuration data to file'],
      ['    --import FILENAME', 'Import configuration data from file'],
      ['    --apply', 'Apply persistent settings to active configuration'],
      ['-h, --help', 'Print usage information, then exit'],
      ['-v, --version', 'Print version information, then exit'],
    ],
  },
  {
    title: 'OPTIONS',
    lines: [
      ['-a, --active', 'Apply changes to active configuration only'],
      ['-p, --persistent', 'Apply changes to persistent configuration only'],
      ['-t, --type', 'Apply changes to device type'],
      ['-r, --remove ATTRIB', 'Remove setting for specified attribute'],
      ['-R, --remove-all', 'Remove settings for all attributes'],
      ['-f, --force', 'Override safety checks'],
      ['-y, --yes', "Answer all confirmation questions with 'yes'"],
      ['    --no-root-update', 'Skip root device update'],
      ['    --dry-run', 'Display changes without applying'],
      ['    --base PATH', 'Use PATH as base for accessing files'],
      ['    --no-settle', 'Do not wait for udev to settle'],
      ['    --no-module-load', 'Do not load kernel modules during execution'],
      ['    --auto-conf', 'Apply changes to auto-configuration only'],
      ['-s, --site ID', 'Apply changes to the specified site only'],
      ['    --is-owner FILE', 'Examine whether the file is generated by zdev'],
      ['-V, --verbose', 'Print additional run-time information'],
      ['-q, --quiet', 'Print only minimal run-time information'],
    ],
  },
];

/** Releases before this one do not load modules. */
const LOADS_MODULES = '2.39';
const MODULE_OPTION = '--no-module-load';

const ABOUT = ` to %s the configuration of z Systems specific devices in either:
 - active configuration (running system), or
 - persistent configuration (configuration files)

Actions apply to both configurations unless specified otherwise.
`;

const PROGRAMS = {
  lszdev: {
    usage: '[TYPE] [DEVICE] [SELECTION] [ACTION] [OPTIONS]',
    verb: 'view',
    sections: LSZDEV,
  },
  chzdev: {
    usage: 'TYPE DEVICE [SELECTION] [SETTINGS] [ACTION] [OPTIONS]',
    verb: 'manage',
    sections: CHZDEV,
  },
} as const;

export type ZdevProgram = keyof typeof PROGRAMS;

const sectionText = ({ title, text = [], lines = [] }: Section): string =>
  [
    `\n${title}\n`,
    ...text.map((line) => `  ${line}\n`),
    ...lines.map(([option, meaning]) => `  ${option.padEnd(22)} ${meaning}\n`),
  ].join('');

/** The output of `--help`. */
export function zdevHelp(program: ZdevProgram, { name }: ReleaseRow): string {
  const { usage, verb, sections } = PROGRAMS[program];
  const known = (lines: readonly Line[]): readonly Line[] =>
    Number(name) >= Number(LOADS_MODULES)
      ? lines
      : lines.filter(([option]) => option.trim() !== MODULE_OPTION);
  const texts = sections.map((section) =>
    sectionText({ ...section, ...(section.lines && { lines: known(section.lines) }) }),
  );
  const about = `Use ${program}${ABOUT.replace('%s', verb)}`;
  return `Usage: ${program} ${usage}\n\n${about}${texts.join('')}`;
}

/** The output of `--version`. */
export const zdevVersion = (program: ZdevProgram, { version }: ReleaseRow): string =>
  `${program} version ${version}\n`;
