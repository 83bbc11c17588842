// SPDX-License-Identifier: Apache-2.0
// The bus scan: configuration, default domain, cards, queues. It runs in pieces, and its place is part of the state.
// Source: docs/reference/ap-architecture.md section 5.3 (steps 1 to 7), 4.2 (QCI), 4.6 (types).

import { TYPE_CEX4, TYPE_CEX8 } from '../../../native-like/arch/adapter-types.ts';
import { STFLE_APFT } from '../../../native-like/arch/facilities.ts';
import { QCI_APM, QCI_AQM, QCI_FLAG_C } from '../../../native-like/arch/qci.ts';
import {
  GR2_BS_MASK,
  GR2_BS_SHIFT,
  GR2_TYPE_SHIFT,
  QACT_CAT_SHIFT,
  QACT_MODE_MASK,
  QACT_MODE_SHIFT,
} from '../../../native-like/arch/registers.ts';
import {
  AP_RESPONSE_BUSY,
  AP_RESPONSE_CHECKSTOPPED,
  AP_RESPONSE_DECONFIGURED,
  AP_RESPONSE_NORMAL,
  AP_RESPONSE_Q_NOT_AVAIL,
} from '../../../native-like/arch/response-codes.ts';
import { qact, tapq } from '../instructions.ts';
import { asyncError, rc } from '../status.ts';
import { asyncFailed } from './async-errors.ts';
import { type Bus, crash, outOfBudget } from './bus.ts';
import { fetchConfiguration, permitted, qciFlags } from './configuration.ts';
import {
  createCard,
  createQueueDevice,
  loadDrivers,
  probeQueue,
  removeCard,
  removeQueue,
} from './devices.ts';
import { flushQueue } from './messages.ts';
import { applyWait } from './poll.ts';
import { restart } from './queue.ts';
import {
  type ApBusState,
  type CardState,
  DEV_ERROR,
  DEV_UNINITIATED,
  type QueueState,
  SCAN_CARD,
  SCAN_DEFAULT_DOMAIN,
  SCAN_END,
  SCAN_NONE,
  SCAN_PROBE,
  SCAN_QUEUES,
  SCAN_START,
} from './state.ts';

/** The secure-execution bits of TAPQ's queue information, which belong to the queue and not to its card. */
const bindStateOf = (infoHigh: number): number => (infoHigh & GR2_BS_MASK) >>> GR2_BS_SHIFT;

/** Executes TAPQ for a queue, with the facilities if they can be had. Leaves GR2 in `bus.ap`. */
const testQueue = (bus: Bus, apqn: number): number => {
  const status = tapq(bus.ap, apqn, bus.ap.cpu.facility(STFLE_APFT));
  if (bus.ap.programInterruption !== 0) crash(bus, `TAPQ of ${apqn.toString(16)}`);
  return status;
};

/** Whether the status tells that the queue exists (response codes 00 and 02 to 05, or an asynchronous error) and there is information. */
const queueExists = (bus: Bus, status: number): boolean => {
  const code = rc(status);
  const known = code <= AP_RESPONSE_BUSY && code !== AP_RESPONSE_Q_NOT_AVAIL;
  if (!known && !(bus.kernel.asyncBit && asyncError(status))) return false;
  return (bus.ap.infoHigh | bus.ap.infoLow) !== 0;
};

/** The next domain, from `from` on, that the usage mask permits; if there is none, a number above the highest. */
const nextDomain = (bus: Bus, from: number): number => {
  let domain = from;
  while (domain <= bus.state.maxApqi && !permitted(bus, QCI_AQM, domain)) domain++;
  return domain;
};

const startScan = (bus: Bus): void => {
  const { state } = bus;
  if (fetchConfiguration(bus)) state.configChanges++;
  state.scanApid = 0;
  state.scanApqi = 0;
  state.scanPart = state.defaultDomain < 0 ? SCAN_DEFAULT_DOMAIN : SCAN_CARD;
};

/** Executes one TAPQ in search of the default domain: the lowest usage domain, then the lowest card, that answers 00. */
const seekDefaultDomain = (bus: Bus): void => {
  const { state } = bus;
  state.scanApqi = nextDomain(bus, state.scanApqi);
  let found = false;
  if (state.scanApqi <= state.maxApqi) {
    if (permitted(bus, QCI_APM, state.scanApid)) {
      const apqn = (state.scanApid << 8) | state.scanApqi;
      found = rc(testQueue(bus, apqn)) === AP_RESPONSE_NORMAL;
      if (found) state.defaultDomain = state.scanApqi;
    }
    if (++state.scanApid > state.maxApid) {
      state.scanApid = 0;
      state.scanApqi++;
    }
  }
  if (found || state.scanApqi > state.maxApqi) {
    state.scanApid = 0;
    state.scanApqi = 0;
    state.scanPart = SCAN_CARD;
  }
};

/** Type as which the kernel drives a card of a raw type; 0 if it refuses the card. */
const compatibleType = (bus: Bus, apqn: number, type: number, functions: number): number => {
  if (type < bus.kernel.lowestType) return 0;
  if (type <= TYPE_CEX8) return type;
  if ((qciFlags(bus) & QCI_FLAG_C) === 0) return 0;
  const mode = ((functions >>> QACT_MODE_SHIFT) & QACT_MODE_MASK) << QACT_MODE_SHIFT;
  const status = qact(bus.ap, apqn, false, mode, TYPE_CEX8 << QACT_CAT_SHIFT);
  if (rc(status) !== AP_RESPONSE_NORMAL) return 0;
  const answer = (bus.ap.infoLow >>> QACT_CAT_SHIFT) & 0xff;
  return answer >= TYPE_CEX4 && answer <= TYPE_CEX8 ? answer : 0;
};

/** Whether it is the same adapter as before, by what the kernel compares. */
const sameCard = (bus: Bus, card: CardState, high: number, low: number): boolean => {
  const { identityHigh, identityLow } = bus.kernel;
  return (
    ((card.infoHigh ^ high) & identityHigh) === 0 && ((card.infoLow ^ low) & identityLow) === 0
  );
};

const nextCard = (bus: Bus): void => {
  const { state } = bus;
  state.scanApid++;
  state.scanApqi = 0;
  state.scanPart = state.scanApid > state.maxApid ? SCAN_END : SCAN_CARD;
};

const giveUpCard = (bus: Bus, card: CardState | undefined): void => {
  if (card !== undefined) removeCard(bus, card);
  nextCard(bus);
};

/** Executes one TAPQ in search of a queue of the current card that gives information. Then the card is created or updated. */
const scanCard = (bus: Bus): void => {
  const { state, ap } = bus;
  const apid = state.scanApid;
  let card = bus.cardOf.get(apid);
  if (!permitted(bus, QCI_APM, apid)) {
    giveUpCard(bus, card);
    return;
  }
  state.scanApqi = nextDomain(bus, state.scanApqi);
  if (state.scanApqi > state.maxApqi) {
    giveUpCard(bus, card);
    return;
  }
  const apqn = (apid << 8) | state.scanApqi;
  const status = testQueue(bus, apqn);
  if (!queueExists(bus, status)) {
    state.scanApqi++;
    return;
  }
  const infoHigh = ap.infoHigh;
  const infoLow = ap.infoLow;
  const rawType = infoLow >>> GR2_TYPE_SHIFT;
  if (rawType === 0) {
    giveUpCard(bus, card);
    return;
  }
  const config = rc(status) !== AP_RESPONSE_DECONFIGURED;
  const chkstop = rc(status) === AP_RESPONSE_CHECKSTOPPED;
  if (card !== undefined && !sameCard(bus, card, infoHigh, infoLow)) {
    removeCard(bus, card);
    card = undefined;
  }
  if (card === undefined) {
    const type = compatibleType(bus, apqn, rawType, infoHigh);
    if (type === 0) {
      nextCard(bus);
      return;
    }
    createCard(bus, { apid, infoHigh, infoLow, type, config, chkstop });
  } else {
    card.config = config;
    card.chkstop = chkstop;
  }
  state.scanApqi = 0;
  state.scanPart = SCAN_QUEUES;
};

const queueStops = (bus: Bus, queue: QueueState, code: number): void => {
  if (queue.devState > DEV_UNINITIATED) {
    queue.devState = DEV_ERROR;
    queue.lastErrorRc = code;
    queue.statistics.errors++;
  }
  flushQueue(bus, queue);
};

const queueReturns = (bus: Bus, queue: QueueState): void => {
  if (queue.devState > DEV_UNINITIATED) applyWait(bus, restart(bus, queue));
  bus.state.refillDue = true;
};

/** Step 6 of the scan: handles what has changed of a queue that exists. */
const updateQueue = (bus: Bus, queue: QueueState, status: number): void => {
  const code = rc(status);
  const deconfigured = code === AP_RESPONSE_DECONFIGURED;
  const chkstop = code === AP_RESPONSE_CHECKSTOPPED;
  if (chkstop !== queue.chkstop) {
    queue.chkstop = chkstop;
    if (chkstop) queueStops(bus, queue, AP_RESPONSE_CHECKSTOPPED);
    else queueReturns(bus, queue);
  } else if (deconfigured === queue.config) {
    queue.config = !deconfigured;
    if (deconfigured) queueStops(bus, queue, AP_RESPONSE_DECONFIGURED);
    else queueReturns(bus, queue);
  } else if (queue.devState === DEV_ERROR || asyncFailed(bus, queue, status)) {
    // Only a reset ends an asynchronous error. Linux does not reset the queue then, and its messages hang.
    flushQueue(bus, queue);
    queueReturns(bus, queue);
  }
};

/** Looks at one domain of the current card. */
const scanQueue = (bus: Bus): void => {
  const { state } = bus;
  if (state.scanApqi > state.maxApqi) {
    nextCard(bus);
    return;
  }
  const domain = state.scanApqi++;
  const apqn = (state.scanApid << 8) | domain;
  const queue = bus.queueOf.get(apqn);
  const status = permitted(bus, QCI_AQM, domain) ? testQueue(bus, apqn) : undefined;
  if (status === undefined || !queueExists(bus, status)) {
    if (queue !== undefined) removeQueue(bus, queue);
    return;
  }
  const bindState = bindStateOf(bus.ap.infoHigh);
  if (queue !== undefined) {
    queue.bindState = bindState;
    updateQueue(bus, queue, status);
    return;
  }
  createQueueDevice(bus, bus.cardOf.get(state.scanApid)!, apqn, {
    config: rc(status) !== AP_RESPONSE_DECONFIGURED,
    chkstop: rc(status) === AP_RESPONSE_CHECKSTOPPED,
    bindState,
  });
};

const endScan = (bus: Bus): void => {
  const { state } = bus;
  state.scans++;
  state.scanNs = bus.ap.cpu.nowNs() + state.scanIntervalNs;
  state.scanPart = SCAN_NONE;
  if (state.driversLoaded || state.cards.length === 0) return;
  loadDrivers(bus);
  state.scanApqi = 0;
  state.scanPart = SCAN_PROBE;
};

/** Probes one queue. After the first scan that finds a card, the drivers' modules are loaded, and their queues probed one by one. */
const probeNext = (bus: Bus): void => {
  const { state } = bus;
  const queue = state.queues[state.scanApqi++];
  if (queue === undefined) state.scanPart = SCAN_NONE;
  else probeQueue(bus, bus.cardOf.get(queue.apqn >> 8)!, queue);
};

const PARTS: Readonly<Record<number, (bus: Bus) => void>> = {
  [SCAN_START]: startScan,
  [SCAN_DEFAULT_DOMAIN]: seekDefaultDomain,
  [SCAN_CARD]: scanCard,
  [SCAN_QUEUES]: scanQueue,
  [SCAN_END]: endScan,
  [SCAN_PROBE]: probeNext,
};

/** Continues the scan until it has ended (true) or the instructions of the step are used up (false). */
export const runScan = (bus: Bus): boolean => {
  while (bus.state.scanPart !== SCAN_NONE) {
    if (outOfBudget(bus) || bus.state.crashed !== '') return false;
    PARTS[bus.state.scanPart](bus);
  }
  return true;
};

/**
 * Asks for a scan now, as the event "AP configuration changed" and a write to the bus attribute `scans` do. Before the first scan this
 * does nothing; during a scan it uses the result of that one (ap_bus_force_rescan).
 */
export const forceScan = (state: ApBusState): void => {
  if (state.scans > 0 && state.scanPart === SCAN_NONE) state.scanNs = 0;
};
