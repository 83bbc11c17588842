// SPDX-License-Identifier: Apache-2.0
// The AP bus: its devices, drivers, configuration and locks; the driver core's bind, unbind and attach.
// Source: docs/reference/vfio-ap.md sections 1.1, 3.2, 4.2 and 4.4 (ap_bus.c; drivers/base/dd.c and bus.c).
import { STFLE_APFT, STFLE_AQIC } from '../../native-like/arch/facilities.ts';
import {
  MAX_ADAPTER_WITHOUT_APXA,
  MAX_DOMAIN_WITHOUT_APXA,
} from '../../native-like/arch/limits.ts';
import { QCI_FLAG_B, QCI_FLAG_N } from '../../native-like/arch/qci.ts';
import { type PutBack, rememberFields } from '../lpar/remember.ts';
import { type Apqn, apidOf, apqiOf } from './apqn.ts';
import { AT_ONCE, type BackgroundTurns } from './background.ts';
import { type ApCard, type ApDevice, type ApDriver, ApQueue } from './device.ts';
import type { Outcome } from './errno.ts';
import type { HostJournal } from './events.ts';
import { fetchQci, NO_QCI, type QciInfo } from './host-qci.ts';
import { fullMask, type Mask, testBit } from './mask.ts';
import { cString, sysfsEquals } from './number-syntax.ts';
import { isOperation, Lock, type Operation, type Timers } from './operation.ts';
import type { PartitionPort } from './partition-port.ts';
import type { HostSwitches } from './profile.ts';
import { QueueStateMachine } from './queue-state.ts';
import { checkBindings, deviceUevent } from './uevents.ts';
import { ZcryptRequests } from './zcrypt-requests.ts';

/** config_time default, seconds. */
const DEFAULT_CONFIG_TIME_S = 30;
/** poll_timeout default in an LPAR, nanoseconds. */
const DEFAULT_POLL_TIMEOUT_NS = 250_000;

/** Kernel parameters of the bus. */
export interface ApBusOptions {
  readonly partition: PartitionPort;
  readonly timers: Timers;
  readonly journal: HostJournal;
  readonly switches: HostSwitches;
  /** ap.apmask and ap.aqmask: the masks at the start; default all ones. */
  readonly apmask?: Mask;
  readonly aqmask?: Mask;
  /** ap.domain: the default domain; default none. */
  readonly domain?: number;
  /** ap.useirq: whether the bus uses interrupts. */
  readonly useInterrupts?: boolean;
  /** Whether Linux runs in a secure-execution guest; default: in a partition. */
  readonly secureExecution?: boolean;
}

/** The state of the bus. Its scan is in scan.ts, its masks are in permissions.ts, its files in bus-files.ts. */
export class ApBus {
  readonly partition: PartitionPort;
  readonly timers: Timers;
  readonly journal: HostJournal;
  readonly switches: HostSwitches;
  /** Registered devices in the order of their registration (klist order of the bus). */
  readonly devices = new Set<ApDevice>();
  readonly cards: (ApCard | undefined)[] = new Array(256).fill(undefined);
  readonly queues: (ApQueue | undefined)[] = new Array(65536).fill(undefined);
  readonly drivers: ApDriver[] = [];
  apmask: Mask;
  aqmask: Mask;
  readonly permsLock = new Lock('ap_perms_mutex');
  readonly scanLock = new Lock('ap_scan_bus_mutex');
  qci: QciInfo;
  previousQci: QciInfo;
  readonly maxAdapterId: number;
  readonly maxDomainId: number;
  defaultDomain = -1;
  configTimeS = DEFAULT_CONFIG_TIME_S;
  pollTimeoutNs = DEFAULT_POLL_TIMEOUT_NS;
  pollThread = false;
  autoprobe = true;
  scans = 0;
  /** Whether ap_apqn_bindings_complete was signalled. A probe resets it. */
  bindingsComplete = false;
  bindingsCompleteCount = 0;
  order = 0;
  /** How often an override was set, less how often one was removed. A queue that goes with an override still counts (VD-12). */
  overrides = 0;
  readonly useInterrupts: boolean;
  readonly queueStates: QueueStateMachine;
  readonly requests: ZcryptRequests;
  readonly #secureExecution: boolean;
  /** Decides when work in the background has its turn: at once, except in a replay that follows a real scheduler. */
  turns: BackgroundTurns = AT_ONCE;
  scanTimer: { cancel(): void } | null = null;
  /** A command of the bus's own that changes the partition; what the machine tells of it is taken after its end. */
  ownCommand: { told: boolean } | null = null;
  /** Time of the next periodic scan in nanoseconds, if its timer runs. */
  scanDueNs = 0;

  constructor(options: ApBusOptions) {
    this.partition = options.partition;
    this.timers = options.timers;
    this.journal = options.journal;
    this.switches = options.switches;
    this.apmask = options.apmask ?? fullMask();
    this.aqmask = options.aqmask ?? fullMask();
    this.qci = fetchQci(this.partition);
    this.previousQci = NO_QCI;
    const extended = (this.qci.flags & QCI_FLAG_N) !== 0;
    this.maxAdapterId = extended && this.qci.na !== 0 ? this.qci.na : MAX_ADAPTER_WITHOUT_APXA;
    this.maxDomainId = extended && this.qci.nd !== 0 ? this.qci.nd : MAX_DOMAIN_WITHOUT_APXA;
    const domain = options.domain ?? -1;
    if (domain >= 0 && domain <= this.maxDomainId && testBit(this.aqmask, domain))
      this.defaultDomain = domain;
    this.useInterrupts =
      (options.useInterrupts ?? true) && this.partition.facilities.has(STFLE_AQIC);
    this.queueStates = new QueueStateMachine(this);
    this.requests = new ZcryptRequests(this);
    this.#secureExecution = options.secureExecution ?? false;
  }

  get hasApft(): boolean {
    return this.partition.facilities.has(STFLE_APFT);
  }

  /** ap_is_se_guest: whether this is a secure-execution guest on a machine with APSB. */
  get isSecureExecutionGuest(): boolean {
    return this.#secureExecution && (this.qci.flags & QCI_FLAG_B) !== 0;
  }

  /** Whether the adapter is in the configuration. Without QCI every number may exist. */
  adapterConfigured(apid: number): boolean {
    return !this.qci.available || testBit(this.qci.apm, apid);
  }

  usageDomainConfigured(apqi: number): boolean {
    return !this.qci.available || testBit(this.qci.aqm, apqi);
  }

  /** Whether the host owns an APQN: the bits of its adapter and of its domain are both on. */
  hostOwns(apqn: Apqn): boolean {
    return testBit(this.apmask, apidOf(apqn)) && testBit(this.aqmask, apqiOf(apqn));
  }

  /**
   * ap_owned_by_def_drv: whether the host owns a queue. With an override it depends on the driver that the queue has, whatever the
   * override says; without an override or without a driver it depends on the masks.
   */
  hostOwnsQueue(apqn: Apqn): boolean {
    const queue = this.queues[apqn];
    if (queue === undefined || !queue.polled || queue.driverOverride === null)
      return this.hostOwns(apqn);
    return queue.driver?.isDefault ?? false;
  }

  takeOrder(): number {
    return this.order++;
  }

  registerDriver(driver: ApDriver): void {
    this.drivers.push(driver);
  }

  driver(name: string): ApDriver | undefined {
    return this.drivers.find((d) => d.name === name);
  }

  /** bus_find_device_by_name. One newline at the end is accepted. */
  findDevice(raw: string): ApDevice | undefined {
    const card = /^card([0-9a-f]{2})\n?$/.exec(cString(raw));
    if (card !== null) return this.cards[Number.parseInt(card[1], 16)];
    const queue = /^([0-9a-f]{2})\.00([0-9a-f]{2})/.exec(raw);
    if (queue === null) return undefined;
    const device = this.queues[Number.parseInt(`${queue[1]}${queue[2]}`, 16)];
    return device !== undefined && sysfsEquals(device.name, raw) ? device : undefined;
  }

  /** ap_device_probe, called by the driver core. */
  *probe(driver: ApDriver, device: ApDevice): Operation<Outcome> {
    if (device instanceof ApQueue && !this.#ownerAgrees(driver, device)) return 'ENODEV';
    if (this.switches.bindingsRearmed) this.bindingsComplete = false;
    device.driver = driver;
    if (device instanceof ApQueue) device.polled = true;
    const result = driver.probe(device);
    const outcome = isOperation(result) ? yield* result : result;
    if (outcome !== 'ok') {
      device.driver = null;
      if (device instanceof ApQueue) device.polled = false;
      return outcome;
    }
    if (!this.switches.bindingsRearmed) checkBindings(this);
    deviceUevent(this, device, 'bind');
    yield* this.requests.random.afterProbe();
    return outcome;
  }

  #ownerAgrees(driver: ApDriver, queue: ApQueue): boolean {
    if (this.switches.bindIgnoresMasks && !driver.isDefault) return true;
    if (queue.driverOverride !== null) return queue.driverOverride === driver.name;
    return this.hostOwns(queue.apqn) === driver.isDefault;
  }

  /** device_attach: binds the device to the first driver that matches and whose probe succeeds. */
  *attach(device: ApDevice): Operation<void> {
    if (device.driver !== null) return;
    for (const driver of this.drivers) {
      if (!driver.matches(device)) continue;
      if (this.switches.bindIgnoresMasks && device instanceof ApQueue && !driver.isDefault) {
        if (this.hostOwns(device.apqn)) continue;
      }
      if ((yield* this.probe(driver, device)) === 'ok') return;
    }
  }

  /** ap_device_remove: flushes the host's requests, has the driver remove the device, executes ZAPQ, and makes the queue uninitiated. */
  *detach(device: ApDevice): Operation<void> {
    const driver = device.driver;
    if (driver === null) return;
    if (device instanceof ApQueue) this.queueStates.prepareRemove(device);
    const removal = driver.remove(device);
    if (removal !== undefined) yield* removal;
    if (device instanceof ApQueue) this.queueStates.remove(device);
    device.driver = null;
    if (device instanceof ApQueue) device.polled = false;
    deviceUevent(this, device, 'unbind');
  }

  /** bind_store. ENODEV: the device is unknown or does not match. EBUSY: it is bound already. Else the errno of the probe. */
  *bind(driver: ApDriver, name: string): Operation<Outcome> {
    const device = this.findDevice(name);
    if (device === undefined || !driver.matches(device)) return 'ENODEV';
    if (device.driver !== null) return 'EBUSY';
    return yield* this.probe(driver, device);
  }

  /** unbind_store. ENODEV, unless the device is bound to this driver. */
  *unbind(driver: ApDriver, name: string): Operation<Outcome> {
    const device = this.findDevice(name);
    if (device === undefined || device.driver !== driver) return 'ENODEV';
    yield* this.detach(device);
    return 'ok';
  }

  /** drivers_probe: tries to attach the device. It is no error if no driver takes it. */
  *reprobe(name: string): Operation<Outcome> {
    const device = this.findDevice(name);
    if (device === undefined) return 'ENODEV';
    yield* this.attach(device);
    return 'ok';
  }

  /** device_register. */
  *register(device: ApDevice): Operation<void> {
    this.devices.add(device);
    if (device instanceof ApQueue) this.queues[device.apqn] = device;
    else this.cards[device.id] = device;
    deviceUevent(this, device, 'add');
    if (this.autoprobe) yield* this.attach(device);
  }

  /** device_unregister. */
  *unregister(device: ApDevice): Operation<void> {
    yield* this.detach(device);
    this.devices.delete(device);
    this.#place(device, undefined);
    deviceUevent(this, device, 'remove');
  }

  /** Remembers the devices, masks and counters; calling the result puts them back. Nobody may sleep with a lock held. */
  remember(): PutBack {
    const devices = [...this.devices];
    const own = rememberFields(this, ['devices', 'cards', 'queues', 'drivers']);
    const states = devices.map((device) => rememberFields(device, ['card', 'info']));
    const queueStates = this.queueStates.remember();
    const requests = this.requests.remember();
    return () => {
      for (const device of this.devices) this.#place(device, undefined);
      this.devices.clear();
      for (const device of devices) {
        this.devices.add(device);
        this.#place(device, device);
      }
      own();
      for (const putBack of states) putBack();
      queueStates();
      requests();
      this.permsLock.release();
      this.scanLock.release();
    };
  }

  /** Puts a device, or nothing, into the tables in which it is found by its number. */
  #place(at: ApDevice, device: ApDevice | undefined): void {
    if (at instanceof ApQueue) this.queues[at.apqn] = device as ApQueue | undefined;
    else this.cards[at.id] = device as ApCard | undefined;
  }

  /** Number of queue devices, and how many of them have a driver. */
  bindings(): { all: number; bound: number } {
    let all = 0;
    let bound = 0;
    for (const device of this.devices) {
      if (device.kind !== 'queue') continue;
      all++;
      if (device.driver !== null) bound++;
    }
    return { all, bound };
  }
}
