// SPDX-License-Identifier: Apache-2.0
// chzcrypt: online, configuration, bus settings and secure-execution binding through the tree.
// Source: outputs of s390-tools 2.16 to 2.43 in test/golden/s390-tools; docs/reference/vfio-ap.md section 7.4.
import type { Operation } from '../ap-bus/operation.ts';
import { chzcryptProgram } from '../s390-tools/chzcrypt-usage.ts';
import { helpText, readOptions, tryHelp, versionText } from '../s390-tools/options.ts';
import { DEFAULT_RELEASE, releaseOf } from '../s390-tools/releases.ts';
import { ToolRun } from '../s390-tools/result.ts';
import { changeDevice, type DeviceChange } from './chzcrypt-devices.ts';
import { isSecureAction, secureAction } from './chzcrypt-secure.ts';
import type { Session } from './chzcrypt-session.ts';
import { changeSetting, SETTINGS } from './chzcrypt-settings.ts';
import { type CommandResult, namesIn } from './command.ts';
import type { Sysfs } from './sysfs.ts';

const AP_BUS = '/sys/bus/ap';

/** Options that change devices; of each file the last one counts. */
const CHANGES: Readonly<Record<string, DeviceChange>> = {
  enable: { file: 'online', value: '1', state: 'online' },
  disable: { file: 'online', value: '0', state: 'offline' },
  'config-on': { file: 'config', value: '1', state: 'config on' },
  'config-off': { file: 'config', value: '0', state: 'config off' },
};

/** Options that are no action by themselves. */
const MODIFIERS = ['all', 'verbose'];

/** What a command line asks for, before the program decides what of it to do. */
class Request {
  readonly values = new Map<string, string>();
  readonly operands: readonly string[];
  /** The last option that is an action. */
  action: string | undefined;
  /** Changes that are wanted for devices, by file. */
  readonly changes = new Map<DeviceChange['file'], DeviceChange>();

  constructor(operands: readonly string[]) {
    this.operands = operands;
  }

  add(name: string, value: string): void {
    this.values.set(name, value);
    if (MODIFIERS.includes(name)) return;
    this.action = name;
    const change = CHANGES[name];
    if (change !== undefined) this.changes.set(change.file, change);
    // Enabling and disabling the poll thread are one setting.
    if (name === 'poll-thread-enable') this.values.delete('poll-thread-disable');
    if (name === 'poll-thread-disable') this.values.delete('poll-thread-enable');
  }
}

/** Does one thing at most: a setting, a secure-execution action, or a change of devices. */
function* perform(session: Session, request: Request): Operation<string | undefined> {
  const { values, operands, action, changes } = request;
  for (const [name, setting] of SETTINGS) {
    const value = values.get(name);
    if (value !== undefined) return yield* changeSetting(session, setting, value);
  }
  if (action !== undefined && isSecureAction(action))
    return yield* secureAction(session, action, operands[0], values.get(action) ?? '');
  const all = values.has('all');
  if (!all && operands.length === 0) return 'Need to specify at least one device ID.';
  const devices = all ? namesIn(session.sysfs, `${AP_BUS}/devices`, /^card/) : operands;
  if (devices.length === 0) return 'Error - missing cryptographic device id(s).';
  const change = changes.get('online') ?? changes.get('config');
  for (const device of change === undefined ? [] : devices) {
    const mistake = yield* changeDevice(session, device, change as DeviceChange);
    if (mistake !== undefined) return mistake;
  }
  return undefined;
}

/** Runs `chzcrypt` of a release of s390-tools with these arguments. Every failure ends it with status 1; warnings do not. */
export function* chzcrypt(
  sysfs: Sysfs,
  args: readonly string[],
  releaseName: string = DEFAULT_RELEASE,
): Operation<CommandResult> {
  const release = releaseOf(releaseName);
  const program = chzcryptProgram(release);
  const run = new ToolRun(program.name);
  // The program accepts underscores in place of hyphens anywhere.
  const words = args.map((arg) => arg.slice(0, 2) + arg.slice(2).replaceAll('_', '-'));
  const line = readOptions(words, program.options);
  const request = new Request(line.operands);
  for (const option of line.options) {
    if (option.mistake !== undefined)
      return run.failure(`${option.mistake}\n${tryHelp(program.name)}`);
    const { name, value } = option;
    if (name === 'help' || name === 'version') {
      run.print(name === 'help' ? helpText(program) : versionText(program, release.version));
      return run.success();
    }
    request.add(name, value);
  }
  if (request.action === undefined)
    return run.failure(`Error - missing argument.\n${tryHelp(program.name)}`);
  if (!sysfs.exists(AP_BUS)) return run.failure('Crypto device driver not available.');
  const verbose = request.values.has('verbose');
  const session = {
    ...{ sysfs, run, release },
    verbose: (text: string) => verbose && run.print(text),
  };
  const mistake = yield* perform(session, request);
  return mistake === undefined ? run.success() : run.failure(mistake);
}
