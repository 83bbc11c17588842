// SPDX-License-Identifier: Apache-2.0
// The files every queue device has, whatever drives it.
// Source: docs/reference/vfio-ap.md section 3.4 (ap_queue.c).
import { type Attribute, READ_ONLY, READ_WRITE, type Shown } from './attribute.ts';
import type { ApBus } from './bus.ts';
import { functionsText } from './card-files.ts';
import type { ApQueue } from './device.ts';
import type { Outcome } from './errno.ts';
import { equals, fullMask } from './mask.ts';
import { cString } from './numbers.ts';
import { type Operation, withLocks } from './operation.ts';
import { hex, RC_BUSY, responseCode } from './partition.ts';
import { queueSeFiles } from './queue-se-files.ts';

const RESET_TEXT: Readonly<Partial<Record<ApQueue['machine'], string>>> = {
  RESET_START: 'Reset in progress.\n',
  RESET_WAIT: 'Reset in progress.\n',
  WORKING: 'Reset Timer armed.\n',
  QUEUE_FULL: 'Reset Timer armed.\n',
};

/** Names of last_err_rc. */
const LAST_ERROR_TEXT: Readonly<Record<number, string>> = {
  0: 'NORMAL',
  1: 'Q_NOT_AVAIL',
  2: 'RESET_IN_PROGRESS',
  3: 'DECONFIGURED',
  4: 'CHECKSTOPPED',
  5: 'BUSY',
  6: 'INVALID_ADDRESS',
  7: 'OTHERWISE_CHANGED',
  16: 'Q_FULL/NO_PENDING_REPLY',
  17: 'INDEX_TOO_BIG',
  19: 'NO_FIRST_PART',
  21: 'MESSAGE_TOO_BIG',
  22: 'REQ_FAC_NOT_INST',
};

const initiated = (queue: ApQueue): boolean => queue.state !== 'UNINITIATED';

function interruptText(queue: ApQueue): string {
  if (queue.machine === 'SETIRQ_WAIT') return 'Enable Interrupt pending.\n';
  return queue.interrupts ? 'Interrupts enabled.\n' : 'Interrupts disabled.\n';
}

/** Any write flushes the queue and starts a reset, also under the feet of a guest (R-44). */
function storeReset(bus: ApBus, queue: ApQueue): Outcome {
  bus.queueStates.flush(queue);
  bus.queueStates.reset(queue);
  return 'ok';
}

function showFunctions(bus: ApBus, queue: ApQueue): Shown {
  const { status, gr2High } = bus.partition.tapq(queue.apqn);
  if (responseCode(status) > RC_BUSY) return { errno: 'EIO' };
  return `${functionsText(gr2High)}\n`;
}

function statesText(queue: ApQueue): string {
  if (!initiated(queue)) return 'UNINITIATED\n';
  return `${queue.state}${queue.state === 'OPERATING' ? ` [${queue.machine.replace('QUEUE_', '')}]` : ''}\n`;
}

const lastErrorText = (queue: ApQueue): string =>
  `${LAST_ERROR_TEXT[queue.lastErrorRc] ?? `response code ${queue.lastErrorRc}`}\n`;

/** driver_override: refused while a mask is not all ones; an empty line removes, anything else is stored. */
function* storeDriverOverride(bus: ApBus, queue: ApQueue, text: string): Operation<Outcome> {
  return yield* withLocks([bus.permsLock], () => {
    if (!equals(bus.apmask, fullMask()) || !equals(bus.aqmask, fullMask())) return 'EINVAL';
    const name = cString(text).split('\n')[0].trim();
    const before = queue.driverOverride !== null;
    queue.driverOverride = name === '' ? null : name;
    bus.overrides += Number(queue.driverOverride !== null) - Number(before);
    return 'ok';
  });
}

/** Rows of section 3.4 that the bus itself makes. */
export function queueFiles(bus: ApBus): Attribute<ApQueue>[] {
  return [
    {
      name: 'request_count',
      mode: READ_WRITE,
      show: (q) => (initiated(q) ? `${q.totalRequests}\n` : '-\n'),
      store: (q) => {
        q.totalRequests = 0;
        return 'ok';
      },
    },
    {
      name: 'requestq_count',
      mode: READ_ONLY,
      show: (q) => `${initiated(q) ? q.requestCount : 0}\n`,
    },
    {
      name: 'pendingq_count',
      mode: READ_ONLY,
      show: (q) => `${initiated(q) ? q.pendingCount : 0}\n`,
    },
    {
      name: 'reset',
      mode: READ_WRITE,
      show: (q) => RESET_TEXT[q.machine] ?? 'No Reset Timer set.\n',
      store: (q) => storeReset(bus, q),
    },
    { name: 'interrupt', mode: READ_ONLY, show: interruptText },
    { name: 'config', mode: READ_ONLY, show: (q) => (q.config ? '1\n' : '0\n') },
    { name: 'chkstop', mode: READ_ONLY, show: (q) => (q.checkstop ? '1\n' : '0\n') },
    { name: 'ap_functions', mode: READ_ONLY, show: (q) => showFunctions(bus, q) },
    {
      name: 'driver_override',
      mode: READ_WRITE,
      show: (q) => `${q.driverOverride ?? ''}\n`,
      store: (q, text) => storeDriverOverride(bus, q, text),
      when: () => bus.switches.driverOverride,
    },
    { name: 'states', mode: READ_ONLY, show: statesText, when: () => bus.switches.debugFiles },
    {
      name: 'last_err_rc',
      mode: READ_ONLY,
      show: lastErrorText,
      when: () => bus.switches.debugFiles,
    },
    ...queueSeFiles(bus),
    {
      name: 'uevent',
      mode: READ_WRITE,
      show: (q) => {
        const driver = q.driver === null ? '' : `DRIVER=${q.driver.name}\n`;
        return `DEVTYPE=ap_queue\n${driver}DEV_TYPE=${hex(q.type, 4).toUpperCase()}\n`;
      },
      store: () => 'ok',
    },
  ];
}
