// SPDX-License-Identifier: Apache-2.0
// chzcrypt: online, configuration, bus settings and secure-execution binding through the tree.
// Source: docs/reference/vfio-ap.md section 7.4 (s390-tools zconf/zcrypt/chzcrypt.c).
import type { Operation } from '../ap-bus/operation.ts';
import { type CommandResult, done, failed, namesIn, readLine } from './command.ts';
import type { Sysfs } from './sysfs.ts';

const AP_BUS = '/sys/bus/ap';
const DEVICES = `${AP_BUS}/devices`;

/** A setting of the bus: file, text written, message if the value is refused, name in "unable to change". */
interface Setting {
  readonly file: string;
  readonly takesValue: boolean;
  readonly value?: string;
  readonly invalid?: (value: string) => string;
  readonly what: string;
}

const SETTINGS: Readonly<Record<string, Setting>> = {
  '-p': { file: 'poll_thread', takesValue: false, value: '1', what: 'poll thread state' },
  '-n': { file: 'poll_thread', takesValue: false, value: '0', what: 'poll thread state' },
  '-c': {
    file: 'config_time',
    takesValue: true,
    invalid: (value) => `Error - invalid configuration timeout '${value}'.`,
    what: 'config timer',
  },
  '-t': {
    file: 'poll_timeout',
    takesValue: true,
    invalid: (value) => `Error - invalid poll timeout '${value}'.`,
    what: 'poll timeout',
  },
  '-q': {
    file: 'ap_domain',
    takesValue: true,
    invalid: (value) => `Error - invalid default domain '${value}'.`,
    what: 'default domain',
  },
};

/** An action on devices: file, text written, state in messages. */
interface Action {
  readonly file: 'online' | 'config' | 'se_bind' | 'se_associate';
  readonly value: string;
  readonly state: string;
}

const ACTIONS: Readonly<Record<string, Action>> = {
  '-e': { file: 'online', value: '1', state: 'online' },
  '-d': { file: 'online', value: '0', state: 'offline' },
  '--config-on': { file: 'config', value: '1', state: 'configured' },
  '--config-off': { file: 'config', value: '0', state: 'deconfigured' },
  '--se-bind': { file: 'se_bind', value: '1', state: 'bound' },
  '--se-unbind': { file: 'se_bind', value: '0', state: 'unbound' },
  '--se-associate': { file: 'se_associate', value: '', state: 'associated' },
};
const LONG: Readonly<Record<string, string>> = {
  '--enable': '-e',
  '--disable': '-d',
  '--all': '-a',
  '--poll-thread-enable': '-p',
  '--poll-thread-disable': '-n',
  '--config-time': '-c',
  '--poll-timeout': '-t',
  '--default-domain': '-q',
};

/** Name of a device as the bus knows it: `card05` or `05.0004`; undefined if the text is no id. */
function deviceName(text: string): string | undefined {
  const match = /^(?:card|0x)?([0-9a-f]{1,2})(?:\.(?:0x)?([0-9a-f]{1,4}))?$/i.exec(text);
  if (match === null) return undefined;
  const card = match[1].toLowerCase().padStart(2, '0');
  return match[2] === undefined
    ? `card${card}`
    : `${card}.${match[2].toLowerCase().padStart(4, '0')}`;
}

/** Result of one write, as the program words it. */
interface Step {
  readonly error?: string;
  readonly warning?: string;
}

function* changeDevice(sysfs: Sysfs, text: string, action: Action): Operation<Step> {
  const name = deviceName(text);
  if (name === undefined) return { error: `Error - '${text}' is an invalid device id.` };
  const path = `${DEVICES}/${name}`;
  if (!sysfs.exists(path)) return { error: `Error - cryptographic device ${text} does not exist.` };
  const { file, value, state } = action;
  if (file === 'config' && readLine(sysfs, `${path}/config`) === value) {
    return { warning: `Warning - device ${text} is already ${state}.` };
  }
  if (file === 'online' && readLine(sysfs, `${path}/config`) === '0') {
    return { warning: `Warning - device ${text} is deconfigured, can't be set ${state}.` };
  }
  const status = sysfs.stat(`${path}/${file}`);
  if (!status.ok) return { error: `Error - can't write to ${path}/${file}.` };
  const outcome = yield* sysfs.write(`${path}/${file}`, `${value}\n`);
  if (outcome !== 'ok')
    return { error: `Error - unable to set cryptographic device ${text} ${state}.` };
  return {};
}

function* changeSetting(sysfs: Sysfs, setting: Setting, value: string): Operation<Step> {
  const outcome = yield* sysfs.write(`${AP_BUS}/${setting.file}`, `${value}\n`);
  if (outcome === 'ok') return {};
  const refused = outcome === 'EINVAL' || outcome === 'ERANGE';
  if (refused && setting.invalid !== undefined) return { error: setting.invalid(value) };
  return { error: `Error - unable to change ${setting.what}.` };
}

/** What a command line asks for. */
interface Plan {
  readonly settings: (readonly [Setting, string])[];
  action: Action | undefined;
  all: boolean;
  readonly devices: string[];
}

function parse(args: readonly string[]): Plan | string {
  const plan: Plan = { settings: [], action: undefined, all: false, devices: [] };
  for (let i = 0; i < args.length; i++) {
    const [given = '', ...rest] = args[i].split('=');
    const name = LONG[given] ?? given;
    const setting = Object.hasOwn(SETTINGS, name) ? SETTINGS[name] : undefined;
    const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
    const inline = rest.length > 0 ? rest.join('=') : undefined;
    if (setting !== undefined) {
      const value = setting.takesValue ? (inline ?? args[++i]) : setting.value;
      if (value === undefined) return `chzcrypt: option requires an argument -- '${given}'`;
      plan.settings.push([setting, value]);
    } else if (action !== undefined) {
      const value = action.file === 'se_associate' ? (inline ?? args[++i]) : action.value;
      if (value === undefined) return `chzcrypt: option requires an argument -- '${given}'`;
      plan.action = { ...action, value };
    } else if (name === '-a') plan.all = true;
    else if (given.startsWith('-')) return `chzcrypt: unrecognized option '${given}'`;
    else plan.devices.push(args[i]);
  }
  return plan;
}

/** Runs `chzcrypt` with these arguments. Every failure ends the program with status 1; warnings do not. */
export function* chzcrypt(sysfs: Sysfs, args: readonly string[]): Operation<CommandResult> {
  const plan = parse(args);
  if (typeof plan === 'string') return failed(plan);
  if (!sysfs.exists(AP_BUS)) return failed('Error - Crypto device driver not available.');
  if (plan.action?.file.startsWith('se_')) {
    const features = readLine(sysfs, `${AP_BUS}/features`)?.split(' ') ?? [];
    if (!features.includes('APSB'))
      return failed('Error - AP bus: SE bind support is not available.');
  }
  const devices = plan.all ? namesIn(sysfs, '/sys/devices/ap', /^card/) : plan.devices;
  const steps: Operation<Step>[] = plan.settings.map(([s, value]) =>
    changeSetting(sysfs, s, value),
  );
  const { action } = plan;
  if (action !== undefined) {
    if (devices.length === 0) return failed('Error - missing cryptographic device id(s).');
    steps.push(...devices.map((device) => changeDevice(sysfs, device, action)));
  }
  if (steps.length === 0) return failed('Error - missing option.');
  let warnings = '';
  for (const step of steps) {
    const { error, warning } = yield* step;
    if (error !== undefined) return { stdout: '', stderr: `${warnings}${error}\n`, status: 1 };
    if (warning !== undefined) warnings += `${warning}\n`;
  }
  return { ...done(''), stderr: warnings };
}
