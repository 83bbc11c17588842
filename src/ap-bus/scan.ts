// SPDX-License-Identifier: Apache-2.0
// The scan of the AP bus, which finds cards and queues that have come, changed or gone.
// Source: docs/reference/vfio-ap.md section 4.5; ap-architecture.md section 5.3 (ap_bus.c: ap_scan_bus, ap_scan_adapter,
// ap_scan_domains, ap_queue_info, ap_select_domain).
import { TYPE_CEX8 } from '../../native-like/arch/adapter-types.ts';
import {
  AP_RESPONSE_BUSY,
  AP_RESPONSE_CHECKSTOPPED,
  AP_RESPONSE_DECONFIGURED,
  AP_RESPONSE_NORMAL,
  AP_RESPONSE_RESET_IN_PROGRESS,
} from '../../native-like/arch/response-codes.ts';
import { responseCode } from '../../native-like/arch/status-word.ts';
import { NS_PER_SECOND } from '../units.ts';
import { type Apqn, apqnOf, hex } from './apqn.ts';
import type { ApBus } from './bus.ts';
import { note } from './debug-notes.ts';
import { ApCard, ApQueue, type HardwareInfo } from './device.ts';
import { inBackground } from './driving.ts';
import { fetchQci, sameQci } from './host-qci.ts';
import { andNot, isEmpty, testBit } from './mask.ts';
import { type Operation, withLocks } from './operation.ts';
import { asyncError } from './queue-status.ts';
import { wheelExpiryNs } from './timer-wheel.ts';
import { busUevent, checkBindings, deviceUevent } from './uevents.ts';

interface QueueInfo {
  readonly hardware: HardwareInfo;
  readonly deconfigured: boolean;
  readonly checkstop: boolean;
}

/** ap_queue_info: the information that TAPQ gives; undefined if the APQN does not exist. */
function queueInfo(bus: ApBus, apqn: Apqn): QueueInfo | undefined {
  const { status, gr2High, gr2Low } = bus.partition.tapq(apqn);
  const rc = responseCode(status);
  const known =
    rc === AP_RESPONSE_NORMAL ||
    rc === AP_RESPONSE_RESET_IN_PROGRESS ||
    rc === AP_RESPONSE_DECONFIGURED ||
    rc === AP_RESPONSE_CHECKSTOPPED ||
    rc === AP_RESPONSE_BUSY;
  if (!known && !asyncError(status)) return undefined;
  // Without the T bit, TAPQ does not store GR2, so that no device is made.
  if (!bus.hasApft || (gr2High === 0 && gr2Low === 0)) return undefined;
  return {
    hardware: {
      // The card's part of the word. The bind state is the queue's.
      functions: (gr2High & 0xffff0000) >>> 0,
      type: gr2Low >>> 24,
      ml: (gr2Low >>> 8) & 0xf,
      qd: gr2Low & 0xf,
    },
    deconfigured: rc === AP_RESPONSE_DECONFIGURED,
    checkstop: rc === AP_RESPONSE_CHECKSTOPPED,
  };
}

/**
 * Scans the bus once. Returns whether the configuration had changed. Two scans never run at the same time: the second waits, then does
 * its own.
 */
export function* scanBus(bus: ApBus): Operation<boolean> {
  return yield* withLocks([bus.scanLock], () => scan(bus));
}

function* scan(bus: ApBus): Operation<boolean> {
  bus.previousQci = bus.qci;
  bus.qci = fetchQci(bus.partition);
  const changed = bus.qci.available && !sameQci(bus.qci, bus.previousQci);
  const { qci, previousQci } = bus;
  if (changed) {
    const gained =
      !isEmpty(andNot(qci.apm, previousQci.apm)) || !isEmpty(andNot(qci.aqm, previousQci.aqm));
    if (gained && bus.switches.bindingsRearmed) bus.bindingsComplete = false;
    for (const driver of bus.drivers) {
      if (driver.onConfigChanged) yield* driver.onConfigChanged(qci, previousQci);
    }
  }
  selectDomain(bus);
  for (let apid = 0; apid <= bus.maxAdapterId; apid++) {
    if (bus.cards[apid] !== undefined || bus.adapterConfigured(apid)) yield* scanAdapter(bus, apid);
  }
  if (changed) {
    for (const driver of bus.drivers) {
      if (driver.onScanComplete) yield* driver.onScanComplete(qci, previousQci);
    }
  }
  bus.scans++;
  if (bus.scans === 1) busUevent(bus, [['INITSCAN', 'done']]);
  if (bus.scans === 1 || bus.switches.bindingsRearmed) checkBindings(bus);
  armScanTimer(bus);
  return changed;
}

/** The machine's word that the configuration changed starts a scan: at once, or after the command of ours that is under way. */
export function scanBecauseTold(bus: ApBus): void {
  if (bus.ownCommand !== null) bus.ownCommand.told = true;
  else if (bus.scans > 0) inBackground(scanBus(bus), bus.timers);
}

/** Has the partition changed by a command of the bus's own and what follows from it; a scan of which it is told comes after that. */
export function withOwnCommand<T>(bus: ApBus, change: () => T): T {
  const command = { told: false };
  bus.ownCommand = command;
  const result = change();
  bus.ownCommand = null;
  if (command.told) scanBecauseTold(bus);
  return result;
}

/** Starts the periodic scan anew: config_time from now, and later by as much as the timer wheel rounds up; or at a time that was saved. */
export function armScanTimer(
  bus: ApBus,
  dueNs = wheelExpiryNs(bus.timers.nowNs(), bus.configTimeS * NS_PER_SECOND),
): void {
  bus.scanTimer?.cancel();
  bus.scanDueNs = dueNs;
  const scan = (): void => {
    bus.scanTimer = null;
    inBackground(scanBus(bus), bus.timers);
  };
  // The timer is periodic, so that nobody waits for scans who waits for everything to end.
  const late = bus.turns.scan();
  bus.scanTimer = bus.timers.after(dueNs + late - bus.timers.nowNs(), scan, 'periodic');
}

/** ap_select_domain: the lowest usage domain of the host that answers on some adapter of the host. */
function selectDomain(bus: ApBus): void {
  if (bus.defaultDomain >= 0) return;
  for (let apqi = 0; apqi <= bus.maxDomainId; apqi++) {
    if (!bus.usageDomainConfigured(apqi) || !testBit(bus.aqmask, apqi)) continue;
    for (let apid = 0; apid <= bus.maxAdapterId; apid++) {
      if (!bus.adapterConfigured(apid) || !testBit(bus.apmask, apid)) continue;
      if (responseCode(bus.partition.tapq(apqnOf(apid, apqi)).status) === AP_RESPONSE_NORMAL) {
        bus.defaultDomain = apqi;
        note(bus, `ap_select_domain new default domain is ${apqi}`);
        return;
      }
    }
  }
}

/** Information from the first APQN of the adapter that gives any. */
function adapterInfo(bus: ApBus, apid: number): QueueInfo | undefined {
  for (let apqi = 0; apqi <= bus.maxDomainId; apqi++) {
    if (!bus.usageDomainConfigured(apqi)) continue;
    const info = queueInfo(bus, apqnOf(apid, apqi));
    if (info !== undefined) return info;
  }
  return undefined;
}

function* scanAdapter(bus: ApBus, apid: number): Operation<void> {
  let card = bus.cards[apid];
  const info = bus.adapterConfigured(apid) ? adapterInfo(bus, apid) : undefined;
  if (info === undefined || info.hardware.type === 0) {
    const why = bus.adapterConfigured(apid) ? whyUnknown(info) : 'ap not in config any more';
    if (card !== undefined) yield* removeCard(bus, card, why);
    return;
  }
  const { hardware } = info;
  if (card !== undefined) {
    const change = changeOf(card.info, hardware);
    if (change !== undefined) {
      yield* removeCard(bus, card, change);
      card = undefined;
    } else {
      if (card.checkstop !== info.checkstop) noteCard(bus, card, 'checkstop', info.checkstop);
      card.checkstop = info.checkstop;
      if (card.config === info.deconfigured) setCardConfig(bus, card, !info.deconfigured);
    }
  }
  if (card === undefined) {
    if (hardware.type < bus.switches.oldestCardType) {
      const text = `ap: adapter ${apid} type ${hardware.type} is not supported`;
      bus.journal.writeOnce('kernel', 'warn', text, text);
      return;
    }
    card = new ApCard(apid, hardware, Math.min(hardware.type, TYPE_CEX8));
    card.config = !info.deconfigured;
    card.checkstop = info.checkstop;
    yield* bus.register(card);
    const functions = `0x${hex(hardware.functions, 8)}`;
    const what = `card dev type=${hardware.type} func=${functions} created`;
    note(bus, `ap_scan_adapter(${apid}) new ${stateWord(info)}${what}`);
  }
  yield* scanDomains(bus, card);
}

const stateWord = ({ deconfigured, checkstop }: QueueInfo): string =>
  deconfigured ? '(decfg) ' : checkstop ? '(chkstop) ' : '';

const whyUnknown = (info: QueueInfo | undefined): string =>
  info === undefined ? 'no type info (no APQN found)' : 'no valid type (0) info';

/** How an adapter has become another one; undefined if it has not. */
const changeOf = (before: HardwareInfo, { type, functions }: HardwareInfo): string | undefined => {
  if (before.type !== type) return `hwtype ${type} changed`;
  return before.functions === functions ? undefined : `functions 0x${hex(functions, 8)} changed`;
};

const noteCard = (bus: ApBus, { id }: ApCard, what: string, on: boolean): void =>
  note(bus, `ap_scan_adapter(${id}) card dev ${what} ${on ? 'on' : 'off'}`);

/** Changes the config bit of a card and tells user space. */
export function setCardConfig(bus: ApBus, card: ApCard, config: boolean): void {
  card.config = config;
  noteCard(bus, card, 'config', config);
  deviceUevent(bus, card, 'change', [['CONFIG', config ? '1' : '0']]);
}

/** ap_scan_rm_card_dev_and_queue_devs: removes the queues in the order of their registration, then the card. */
function* removeCard(bus: ApBus, card: ApCard, why: string): Operation<void> {
  note(bus, `ap_scan_adapter(${card.id}) ${why}, rm card and queue devs`);
  for (const device of [...bus.devices]) {
    if (device instanceof ApQueue && device.card === card) yield* bus.unregister(device);
  }
  yield* bus.unregister(card);
}

function* scanDomains(bus: ApBus, card: ApCard): Operation<void> {
  for (let apqi = 0; apqi <= bus.maxDomainId; apqi++) {
    const apqn = apqnOf(card.id, apqi);
    const queue = bus.queues[apqn];
    const info = bus.usageDomainConfigured(apqi) ? queueInfo(bus, apqn) : undefined;
    if (info === undefined) {
      if (queue !== undefined) {
        const known = bus.usageDomainConfigured(apqi);
        const why = known ? 'queue_info() failed' : 'not in config anymore';
        note(bus, `ap_scan_domains(${card.id},${apqi}) ${why}, rm queue dev`);
        yield* bus.unregister(queue);
      }
      continue;
    }
    if (queue === undefined) yield* createQueue(bus, card, apqn, info);
    else if (bus.queueStates.transition(queue, info.checkstop, info.deconfigured) === 'config') {
      const config = queue.config ? '1' : '0';
      deviceUevent(bus, queue, 'change', [['CONFIG', config]]);
    }
  }
}

function* createQueue(bus: ApBus, card: ApCard, apqn: Apqn, info: QueueInfo): Operation<void> {
  const queue = new ApQueue(apqn, card);
  const { apqi } = queue;
  queue.config = !info.deconfigured;
  queue.checkstop = info.checkstop;
  yield* bus.register(queue);
  note(bus, `ap_scan_domains(${card.id},${apqi}) new ${stateWord(info)}queue dev created`);
  // The bus starts its own reset, whichever driver the new device was bound to.
  const { scanInitiatesQueues } = bus.switches;
  if (scanInitiatesQueues && queue.config && !queue.checkstop) bus.queueStates.init(queue);
}
