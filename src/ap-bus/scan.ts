// SPDX-License-Identifier: Apache-2.0
// The scan of the AP bus: how cards and queues come, change and go.
// Source: docs/reference/vfio-ap.md section 4.5; ap-architecture.md section 5.3 (ap_bus.c: ap_scan_bus, ap_scan_adapter,
// ap_scan_domains, ap_queue_info, ap_select_domain).
import type { ApBus } from './bus.ts';
import { ApCard, ApQueue, type HardwareInfo } from './device.ts';
import { testBit } from './mask.ts';
import { inBackground, type Operation, withLocks } from './operation.ts';
import {
  type Apqn,
  apqnOf,
  asyncError,
  RC_BUSY,
  RC_CHECKSTOPPED,
  RC_DECONFIGURED,
  RC_NORMAL,
  RC_RESET_IN_PROGRESS,
  responseCode,
} from './partition.ts';
import { fetchQci, sameQci } from './qci.ts';

/** Newest type a kernel drives under its own number (CEX8); newer ones are driven as this. */
const NEWEST_TYPE = 14;
const FUNCTION_ACCELERATOR = 0x08000000;
const FUNCTION_CCA = 0x10000000;
const FUNCTION_EP11 = 0x04000000;
const NS_PER_S = 1_000_000_000;

interface QueueInfo {
  readonly hardware: HardwareInfo;
  readonly deconfigured: boolean;
  readonly checkstop: boolean;
}

/** ap_queue_info: what TAPQ tells, or undefined if the APQN is not there. */
function queueInfo(bus: ApBus, apqn: Apqn): QueueInfo | undefined {
  const { status, gr2High, gr2Low } = bus.partition.tapq(apqn);
  const rc = responseCode(status);
  const known =
    rc === RC_NORMAL ||
    rc === RC_RESET_IN_PROGRESS ||
    rc === RC_DECONFIGURED ||
    rc === RC_CHECKSTOPPED ||
    rc === RC_BUSY;
  if (!known && !asyncError(status)) return undefined;
  // Without the T bit GR2 is not stored, and no device is made.
  if (!bus.hasApft || (gr2High === 0 && gr2Low === 0)) return undefined;
  return {
    hardware: {
      // The card's part: without the bind state, which is the queue's.
      functions: (gr2High & 0xffff0000) >>> 0,
      type: gr2Low >>> 24,
      ml: (gr2Low >>> 8) & 0xf,
      qd: gr2Low & 0xf,
    },
    deconfigured: rc === RC_DECONFIGURED,
    checkstop: rc === RC_CHECKSTOPPED,
  };
}

/** One scan of the bus. Two never run at once: the second waits and then does its own. */
export function* scanBus(bus: ApBus): Operation<void> {
  yield* withLocks([bus.scanLock], () => scan(bus));
}

function* scan(bus: ApBus): Operation<void> {
  bus.previousQci = bus.qci;
  bus.qci = fetchQci(bus.partition);
  const changed = bus.qci.available && !sameQci(bus.qci, bus.previousQci);
  const { qci, previousQci } = bus;
  if (changed) {
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
  if (bus.scans === 1) bus.journal.uevent('ap', 'change', '/bus/ap', [['INITSCAN', 'done']]);
  checkBindings(bus);
  armScanTimer(bus);
}

/** Restarts the periodic scan at config_time from now, or at a time that was saved. */
export function armScanTimer(
  bus: ApBus,
  dueNs = bus.timers.nowNs() + bus.configTimeS * NS_PER_S,
): void {
  bus.scanTimer?.cancel();
  bus.scanDueNs = dueNs;
  const scan = (): void => {
    bus.scanTimer = null;
    inBackground(scanBus(bus), bus.timers);
  };
  // Periodic: whoever waits for everything to end does not wait for scans.
  bus.scanTimer = bus.timers.after(dueNs - bus.timers.nowNs(), scan, 'periodic');
}

/** ap_check_bindings_complete. */
function checkBindings(bus: ApBus): void {
  const { all, bound } = bus.bindings();
  if (all !== bound || bus.bindingsComplete) return;
  bus.bindingsComplete = true;
  bus.bindingsCompleteCount++;
  bus.journal.uevent('ap', 'change', '/bus/ap', [
    ['BINDINGS', 'complete'],
    ['COMPLETECOUNT', String(bus.bindingsCompleteCount)],
  ]);
}

/** ap_select_domain: the lowest usage domain of the host that answers on some adapter of the host. */
function selectDomain(bus: ApBus): void {
  if (bus.defaultDomain >= 0) return;
  for (let apqi = 0; apqi <= bus.maxDomainId; apqi++) {
    if (!bus.usageDomainConfigured(apqi) || !testBit(bus.aqmask, apqi)) continue;
    for (let apid = 0; apid <= bus.maxAdapterId; apid++) {
      if (!bus.adapterConfigured(apid) || !testBit(bus.apmask, apid)) continue;
      if (responseCode(bus.partition.tapq(apqnOf(apid, apqi)).status) === RC_NORMAL) {
        bus.defaultDomain = apqi;
        return;
      }
    }
  }
}

/** First APQN of the adapter that gives information. */
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
    if (card !== undefined) yield* removeCard(bus, card);
    return;
  }
  const { hardware } = info;
  if (card !== undefined) {
    if (card.info.type !== hardware.type || card.info.functions !== hardware.functions) {
      yield* removeCard(bus, card);
      card = undefined;
    } else {
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
    card = new ApCard(apid, hardware, Math.min(hardware.type, NEWEST_TYPE));
    card.config = !info.deconfigured;
    card.checkstop = info.checkstop;
    yield* bus.register(card, ueventKeys(card));
  }
  yield* scanDomains(bus, card);
}

/** Changes the config bit of a card and tells user space. */
export function setCardConfig(bus: ApBus, card: ApCard, config: boolean): void {
  card.config = config;
  bus.journal.uevent('ap', 'change', card.path, [['CONFIG', config ? '1' : '0']]);
}

/** ap_uevent: variables of an add event. */
function ueventKeys(device: ApCard | ApQueue): (readonly [string, string])[] {
  const functions = (device instanceof ApQueue ? device.card : device).info.functions;
  const upper = (n: number, digits: number): string =>
    n.toString(16).toUpperCase().padStart(digits, '0');
  const keys: (readonly [string, string])[] = [['DEV_TYPE', upper(device.type, 4)]];
  if (device instanceof ApCard) keys.push(['MODALIAS', `ap:t${upper(device.type, 2)}`]);
  const mode =
    (functions & FUNCTION_ACCELERATOR) !== 0
      ? 'accel'
      : (functions & FUNCTION_CCA) !== 0
        ? 'cca'
        : (functions & FUNCTION_EP11) !== 0
          ? 'ep11'
          : undefined;
  if (mode !== undefined) keys.push(['MODE', mode]);
  return keys;
}

/** ap_scan_rm_card_dev_and_queue_devs: queues first. */
function* removeCard(bus: ApBus, card: ApCard): Operation<void> {
  for (let apqi = 0; apqi <= bus.maxDomainId; apqi++) {
    const queue = bus.queues[apqnOf(card.id, apqi)];
    if (queue !== undefined) yield* bus.unregister(queue);
  }
  yield* bus.unregister(card);
}

function* scanDomains(bus: ApBus, card: ApCard): Operation<void> {
  for (let apqi = 0; apqi <= bus.maxDomainId; apqi++) {
    const apqn = apqnOf(card.id, apqi);
    const queue = bus.queues[apqn];
    const info = bus.usageDomainConfigured(apqi) ? queueInfo(bus, apqn) : undefined;
    if (info === undefined) {
      if (queue !== undefined) yield* bus.unregister(queue);
      continue;
    }
    if (queue === undefined) yield* createQueue(bus, card, apqn, info);
    else if (bus.queueStates.transition(queue, info.checkstop, info.deconfigured) === 'config') {
      const config = queue.config ? '1' : '0';
      bus.journal.uevent('ap', 'change', queue.path, [['CONFIG', config]]);
    }
  }
}

function* createQueue(bus: ApBus, card: ApCard, apqn: Apqn, info: QueueInfo): Operation<void> {
  const queue = new ApQueue(apqn, card);
  queue.config = !info.deconfigured;
  queue.checkstop = info.checkstop;
  yield* bus.register(queue, ueventKeys(queue));
  // The bus starts its own reset, whatever driver bound the new device.
  if (queue.config && !queue.checkstop) bus.queueStates.init(queue);
}
