// SPDX-License-Identifier: Apache-2.0
// The uevents of the bus, its drivers and its devices: the variables of each, and events that a write to a `uevent` file asks for.
// Source: docs/reference/vfio-ap.md section 3.4 (ap_bus.c: ap_uevent; drivers/base/core.c: dev_uevent; lib/kobject_uevent.c).
import type { ApBus } from './bus.ts';
import { ApCard, type ApDevice, ApQueue } from './device.ts';
import type { Outcome } from './errno.ts';
import { type HostJournal, UEVENT_ACTIONS, type Uevent, type UeventAction } from './events.ts';

type Keys = Uevent['keys'];

/** Names of the modes of adapters with their facility bits, in the order in which the kernel looks at them. */
const MODES: readonly (readonly [string, number])[] = [
  ['accel', 0x08000000],
  ['cca', 0x10000000],
  ['ep11', 0x04000000],
];
const NO_KEYS: Keys = [];

const upper = (n: number, digits: number): string =>
  n.toString(16).toUpperCase().padStart(digits, '0');

/** The variables of a card or queue, as in its `uevent` file. */
export function deviceKeys(device: ApDevice): Keys {
  const card = device instanceof ApQueue ? device.card : device;
  const keys: (readonly [string, string])[] = [['DEVTYPE', `ap_${device.kind}`]];
  if (device.driver !== null) keys.push(['DRIVER', device.driver.name]);
  if (device instanceof ApCard) {
    keys.push(['DEV_TYPE', upper(device.type, 4)], ['MODALIAS', `ap:t${upper(device.type, 2)}`]);
  }
  const mode = MODES.find(([, bit]) => (card.info.functions & bit) !== 0);
  if (mode !== undefined) keys.push(['MODE', mode[0]]);
  return keys;
}

/** The text of a `uevent` file with these variables. */
export const keysText = (keys: Keys): string =>
  keys.map(([key, value]) => `${key}=${value}\n`).join('');

/** Reports an event of a card or queue. `own` are the variables of this event alone. */
export function deviceUevent(
  bus: ApBus,
  device: ApDevice,
  action: UeventAction,
  own: Keys = NO_KEYS,
): void {
  // An unbind event has no MODALIAS, since no module is to be loaded for it (zap_modalias_env).
  const keys = deviceKeys(device).filter(([key]) => action !== 'unbind' || key !== 'MODALIAS');
  bus.journal.uevent('ap', action, device.path, [...own, ...keys]);
}

/** Reports an event of the bus's root device. */
export function busUevent(bus: ApBus, keys: Keys): void {
  bus.journal.uevent('ap', 'change', '/devices/ap', keys);
}

/**
 * ap_check_bindings_complete, which is called after a scan, and in 6.1 after each probe. 6.1 reports the event each time; later kernels
 * report it once, until something new is to be bound.
 */
export function checkBindings(bus: ApBus): void {
  if (bus.scans === 0) return;
  const { all, bound } = bus.bindings();
  if (all !== bound || (bus.switches.bindingsRearmed && bus.bindingsComplete)) return;
  bus.bindingsComplete = true;
  bus.bindingsCompleteCount++;
  busUevent(bus, [
    ['BINDINGS', 'complete'],
    ['COMPLETECOUNT', String(bus.bindingsCompleteCount)],
  ]);
}

/** Reports that a queue in a secure-execution guest was bound, or associated with a secret. */
export function tellSecure(bus: ApBus, queue: ApQueue, key: 'SE_BIND' | 'SE_ASSOC'): void {
  if (!bus.switches.secureExecutionEvents) return;
  const value = key === 'SE_BIND' ? '1' : String(queue.associationIndex);
  deviceUevent(bus, queue, 'change', [[key, value]]);
}

const UUID = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}/;
/** One KEY=value of a synthetic event, with the blank before it. */
const ARGUMENT = / ([0-9a-zA-Z]+)=([0-9a-zA-Z]+)/y;

/** The text without the newline or NUL at its end, which the kernel ignores. */
const trimmed = (text: string): string =>
  text.endsWith('\n') || text.endsWith('\0') ? text.slice(0, -1) : text;

/** kobject_action_args: parses a UUID and then words KEY=value. */
function argumentKeys(text: string): Keys | undefined {
  const uuid = UUID.exec(text)?.[0];
  if (uuid === undefined) return undefined;
  const keys: (readonly [string, string])[] = [['SYNTH_UUID', uuid]];
  let at = uuid.length;
  while (at < text.length) {
    ARGUMENT.lastIndex = at;
    const found = ARGUMENT.exec(text);
    if (found === null) return undefined;
    const [, key, value] = found;
    keys.push([`SYNTH_ARG_${key}`, value]);
    at = ARGUMENT.lastIndex;
  }
  return keys;
}

/** A device that can send a synthetic event. */
export interface UeventSource {
  readonly journal: HostJournal;
  /** Its bus or class. Of a device without one nothing is told. */
  readonly subsystem?: string;
  readonly path: string;
  /** Its own variables, which follow those of the event. */
  readonly keys?: Keys;
}

/** kobject_synth_uevent: writes of `ACTION [UUID [KEY=value ...]]`. EINVAL for anything else. */
export function storeUevent(source: UeventSource, written: string): Outcome {
  const text = trimmed(written);
  const blank = text.indexOf(' ');
  const word = blank < 0 ? text : text.slice(0, blank);
  const action = UEVENT_ACTIONS.find((name) => name === word);
  if (action === undefined) return 'EINVAL';
  const own = blank < 0 ? [['SYNTH_UUID', '0'] as const] : argumentKeys(text.slice(blank + 1));
  if (own === undefined) return 'EINVAL';
  const { journal, subsystem, path, keys = NO_KEYS } = source;
  const all = [...own, ...keys].filter(([key]) => action !== 'unbind' || key !== 'MODALIAS');
  if (subsystem !== undefined) journal.uevent(subsystem, action, path, all);
  return 'ok';
}

/** A write to the `uevent` file of a card or queue. */
export const storeDeviceUevent = (bus: ApBus, device: ApDevice, text: string): Outcome =>
  storeUevent(
    { journal: bus.journal, subsystem: 'ap', path: device.path, keys: deviceKeys(device) },
    text,
  );
