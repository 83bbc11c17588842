// SPDX-License-Identifier: Apache-2.0
// The files of /sys/bus/ap and of its drivers.
// Source: docs/reference/vfio-ap.md section 3.2 (ap_bus.c: ap_bus_attrs; drivers/base/bus.c).
import { QCI_FLAG_ROWS } from '../../native-like/arch/qci.ts';
import { attributeTable, READ_ONLY, READ_WRITE, type Shown, WRITE_ONLY } from './attribute.ts';
import type { ApBus } from './bus.ts';
import { note } from './debug-notes.ts';
import type { ApDriver } from './device.ts';
import type { Outcome } from './errno.ts';
import { type Mask, maskText, testBit } from './mask.ts';
import { cString, kstrtobool, kstrtoul, scanInt, scanUnsigned } from './number-syntax.ts';
import type { Operation } from './operation.ts';
import { storeMask } from './permissions.ts';
import { armScanTimer, scanBus } from './scan.ts';
import { storeUevent } from './uevents.ts';

const MIN_CONFIG_TIME_S = 5;
const MAX_CONFIG_TIME_S = 120;
const MAX_POLL_TIMEOUT_NS = 120_000_000_000;

const maskOrUnsupported = (bus: ApBus, mask: (bus: ApBus) => Mask): Shown =>
  bus.qci.available ? `${maskText(mask(bus))}\n` : 'not supported\n';

function showFeatures(bus: ApBus): string {
  if (!bus.qci.available) return '-\n';
  const names = QCI_FLAG_ROWS.filter(({ mask }) => (bus.qci.flags & mask) !== 0).map(
    ({ name }) => name,
  );
  return `${names.join(' ')}\n`;
}

function showBindings(bus: ApBus): string {
  const { all, bound } = bus.bindings();
  return bus.scans >= 1 && all === bound ? `${bound}/${all} (complete)\n` : `${bound}/${all}\n`;
}

function storeDomain(bus: ApBus, text: string): Outcome {
  const parsed = scanInt(text, 0);
  if (!parsed.ok) return 'EINVAL';
  const domain = parsed.value;
  if (domain < 0 || domain > bus.maxDomainId || !testBit(bus.aqmask, domain)) return 'EINVAL';
  bus.defaultDomain = domain;
  note(bus, `ap_domain_store stored new default domain=${domain}`);
  return 'ok';
}

function storeConfigTime(bus: ApBus, text: string): Outcome {
  const parsed = scanInt(text, 10);
  if (!parsed.ok) return 'EINVAL';
  if (parsed.value < MIN_CONFIG_TIME_S || parsed.value > MAX_CONFIG_TIME_S) return 'EINVAL';
  bus.configTimeS = parsed.value;
  armScanTimer(bus);
  return 'ok';
}

function storePollThread(bus: ApBus, text: string): Outcome {
  const scanned = bus.switches.scannedPollFiles;
  const parsed = scanned ? scanInt(text, 10) : kstrtobool(text);
  if (!parsed.ok) return 'EINVAL';
  // While interrupts are used, a write that starts the thread succeeds without effect.
  bus.pollThread = Boolean(parsed.value) && !bus.useInterrupts;
  return 'ok';
}

function storePollTimeout(bus: ApBus, text: string): Outcome {
  const scanned = bus.switches.scannedPollFiles;
  const parsed = scanned ? scanUnsigned(text) : kstrtoul(text);
  if (!parsed.ok) return parsed.errno;
  if (parsed.value > MAX_POLL_TIMEOUT_NS || (scanned && parsed.value < 1)) return 'EINVAL';
  bus.pollTimeoutNs = parsed.value;
  bus.queueStates.restart(parsed.value);
  return 'ok';
}

/** ap_bus_force_rescan: does nothing before the first scan, and waits for a running scan instead of starting another. */
function* storeScans(bus: ApBus): Operation<Outcome> {
  note(bus, 'scans_store force AP bus rescan');
  if (bus.scans === 0) return 'ok';
  if (bus.scanLock.held) {
    yield* bus.scanLock.take();
    bus.scanLock.release();
  } else yield* scanBus(bus);
  return 'ok';
}

function storeAutoprobe(bus: ApBus, text: string): Outcome {
  bus.autoprobe = cString(text)[0] !== '0';
  return 'ok';
}

/** Files of /sys/bus/ap (section 3.2). */
export const BUS_FILES = attributeTable<ApBus>([
  { name: 'ap_domain', mode: READ_WRITE, show: (b) => `${b.defaultDomain}\n`, store: storeDomain },
  {
    name: 'ap_control_domain_mask',
    mode: READ_ONLY,
    show: (b) => maskOrUnsupported(b, (bus) => bus.qci.adm),
  },
  {
    name: 'ap_usage_domain_mask',
    mode: READ_ONLY,
    show: (b) => maskOrUnsupported(b, (bus) => bus.qci.aqm),
  },
  {
    name: 'ap_adapter_mask',
    mode: READ_ONLY,
    show: (b) => maskOrUnsupported(b, (bus) => bus.qci.apm),
  },
  { name: 'ap_interrupts', mode: READ_ONLY, show: (b) => (b.useInterrupts ? '1\n' : '0\n') },
  {
    name: 'config_time',
    mode: READ_WRITE,
    show: (b) => `${b.configTimeS}\n`,
    store: storeConfigTime,
  },
  {
    name: 'poll_thread',
    mode: READ_WRITE,
    show: (b) => (b.pollThread ? '1\n' : '0\n'),
    store: storePollThread,
  },
  {
    name: 'poll_timeout',
    mode: READ_WRITE,
    show: (b) => `${b.pollTimeoutNs}\n`,
    store: storePollTimeout,
  },
  { name: 'ap_max_domain_id', mode: READ_ONLY, show: (b) => `${b.maxDomainId}\n` },
  { name: 'ap_max_adapter_id', mode: READ_ONLY, show: (b) => `${b.maxAdapterId}\n` },
  {
    name: 'apmask',
    mode: READ_WRITE,
    show: (b) => `${maskText(b.apmask)}\n`,
    store: (b, text) => storeMask(b, 'apmask', text),
    readLocks: (b) => [b.permsLock],
  },
  {
    name: 'aqmask',
    mode: READ_WRITE,
    show: (b) => `${maskText(b.aqmask)}\n`,
    store: (b, text) => storeMask(b, 'aqmask', text),
    readLocks: (b) => [b.permsLock],
  },
  { name: 'scans', mode: READ_WRITE, show: (b) => `${b.scans}\n`, store: (b) => storeScans(b) },
  { name: 'bindings', mode: READ_ONLY, show: showBindings },
  {
    name: 'bindings_complete_count',
    mode: READ_ONLY,
    show: (b) => `${b.bindingsCompleteCount}\n`,
    when: (b) => b.switches.driverOverride,
  },
  {
    name: 'features',
    mode: READ_ONLY,
    show: showFeatures,
    when: (b) => b.switches.busFeaturesFile,
  },
  { name: 'drivers_probe', mode: WRITE_ONLY, store: (b, text) => b.reprobe(text) },
  {
    name: 'drivers_autoprobe',
    mode: READ_WRITE,
    show: (b) => (b.autoprobe ? '1\n' : '0\n'),
    store: storeAutoprobe,
  },
  {
    name: 'uevent',
    mode: WRITE_ONLY,
    store: ({ journal }, text) => storeUevent({ journal, subsystem: 'bus', path: '/bus/ap' }, text),
  },
]);

/** A driver of the bus, for the files of its directory. */
export interface BoundDriver {
  readonly bus: ApBus;
  readonly driver: ApDriver;
}

/** Files of /sys/bus/ap/drivers/$driver. */
export const DRIVER_FILES = attributeTable<BoundDriver>([
  { name: 'bind', mode: WRITE_ONLY, store: ({ bus, driver }, text) => bus.bind(driver, text) },
  { name: 'unbind', mode: WRITE_ONLY, store: ({ bus, driver }, text) => bus.unbind(driver, text) },
  {
    name: 'uevent',
    mode: WRITE_ONLY,
    store: ({ bus: { journal }, driver }, text) =>
      storeUevent({ journal, subsystem: 'drivers', path: `/bus/ap/drivers/${driver.name}` }, text),
  },
]);
