// SPDX-License-Identifier: Apache-2.0
// chzcrypt -p, -n, -c, -t and -q: files of the AP bus, written, read back and compared.
// Source: outputs of s390-tools 2.16 to 2.43 in test/golden/s390-tools; docs/reference/vfio-ap.md section 7.4.
import type { Operation } from '../ap-bus/operation.ts';
import { maskBit } from '../s390-tools/ap-system.ts';
import { leadingDecimal, leadingNumber } from '../s390-tools/leading-numbers.ts';
import type { Session } from './chzcrypt-session.ts';
import { readLine } from './command.ts';

const AP_BUS = '/sys/bus/ap';

/** One file of the bus, and the messages about it. */
interface Setting {
  readonly file: string;
  /** The number that an argument stands for; undefined if it is not valid. */
  readonly read: (text: string, session: Session) => number | undefined;
  /** What it is called in messages about a wrong argument and about a refused change. */
  readonly argument: string;
  readonly what: string;
  readonly verbose: (value: number) => string;
}

/** A default domain the bus can have at all. */
function domainNumber(text: string, { sysfs }: Session): number | undefined {
  const domain = leadingNumber(text)?.value;
  const highest = Number(readLine(sysfs, `${AP_BUS}/ap_max_domain_id`));
  return domain !== undefined && domain >= 0 && domain <= highest ? domain : undefined;
}

const POLL_THREAD: Omit<Setting, 'read'> = {
  file: 'poll_thread',
  argument: 'poll thread',
  what: 'poll thread setting',
  verbose: (value) => `${value === 1 ? 'Enabling' : 'Disabling'} poll thread.\n`,
};

/** The settings by option, in their order of precedence: of those that are given, only the first is carried out. */
export const SETTINGS: ReadonlyMap<string, Setting> = new Map<string, Setting>([
  ['poll-thread-enable', { ...POLL_THREAD, read: () => 1 }],
  ['poll-thread-disable', { ...POLL_THREAD, read: () => 0 }],
  [
    'config-time',
    {
      file: 'config_time',
      read: leadingDecimal,
      argument: 'configuration timeout',
      what: 'configuration timer setting',
      verbose: (value) => `Setting configuration timer to ${value} seconds.\n`,
    },
  ],
  [
    'poll-timeout',
    {
      file: 'poll_timeout',
      read: leadingDecimal,
      argument: 'poll timeout',
      what: 'poll timeout setting',
      // The program itself names this unit.
      verbose: (value) => `Setting poll timeout to ${value} seconds.\n`,
    },
  ],
  [
    'default-domain',
    {
      file: 'ap_domain',
      read: domainNumber,
      argument: 'default domain',
      what: 'default domain',
      verbose: (value) => `Setting default domain to ${value}.\n`,
    },
  ],
]);

/** Changes one setting. Returns the message that ends the program, or undefined. */
export function* changeSetting(
  session: Session,
  setting: Setting,
  text: string,
): Operation<string | undefined> {
  const { sysfs, run, release } = session;
  const value = setting.read(text, session);
  if (value === undefined) return `Error - invalid ${setting.argument} '${text}'.`;
  const path = `${AP_BUS}/${setting.file}`;
  session.verbose(setting.verbose(value));
  if (!sysfs.exists(path))
    return `Error - can't write to ${path}.\n Wrong permissions or wrong tools version.`;
  // Whether the kernel took it shows when it is read back.
  yield* sysfs.write(path, String(value));
  if (Number(readLine(sysfs, path)) !== value) return `Error - unable to change ${setting.what}.`;
  if (setting.file !== 'ap_domain' || !release.checksDefaultDomain) return undefined;
  const usage = readLine(sysfs, `${AP_BUS}/ap_usage_domain_mask`) ?? '';
  if (maskBit(usage, value) !== true) {
    const shown = value.toString(16).padStart(2, '0');
    run.print(`Warning: Default domain 0x${shown} is not available.\n`);
  }
  return undefined;
}
