// SPDX-License-Identifier: Apache-2.0
// The files of every queue device, whichever driver it has.
// Source: docs/reference/vfio-ap.md section 3.4 (ap_queue.c).
import { AP_RESPONSE_BUSY } from '../../native-like/arch/response-codes.ts';
import { responseCode } from '../../native-like/arch/status-word.ts';
import { type Attribute, READ_ONLY, READ_WRITE, type Shown } from './attribute.ts';
import type { ApBus } from './bus.ts';
import { functionsText } from './card-files.ts';
import { note } from './debug-notes.ts';
import type { ApQueue } from './device.ts';
import type { Outcome } from './errno.ts';
import { zeroQueueRequests } from './guest-requests.ts';
import { equals, fullMask } from './mask.ts';
import { cString } from './number-syntax.ts';
import { type Operation, withLocks } from './operation.ts';
import { queueSeFiles } from './queue-se-files.ts';
import { irqEnabled } from './queue-status.ts';
import { deviceKeys, keysText, storeDeviceUevent } from './uevents.ts';

const RESET_TEXT: Readonly<Partial<Record<ApQueue['machine'], string>>> = {
  RESET_START: 'Reset in progress.\n',
  RESET_WAIT: 'Reset in progress.\n',
  WORKING: 'Reset Timer armed.\n',
  QUEUE_FULL: 'Reset Timer armed.\n',
};

/** Texts of last_err_rc, by response code. */
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

/** Text of `interrupt`: the queue itself is asked, except in 6.1, which shows what its state machine has noted. */
function interruptText(bus: ApBus, queue: ApQueue): string {
  if (queue.machine === 'SETIRQ_WAIT') return 'Enable Interrupt pending.\n';
  const enabled = bus.switches.interruptFromTapq
    ? irqEnabled(bus.partition.tapq(queue.apqn).status)
    : queue.interrupts;
  return enabled ? 'Interrupts enabled.\n' : 'Interrupts disabled.\n';
}

/** Any write flushes the queue and starts a reset, even if a guest is using the queue (R-44). */
function storeReset(bus: ApBus, queue: ApQueue): Outcome {
  bus.queueStates.flush(queue);
  bus.queueStates.reset(queue);
  note(bus, `reset_store reset queue=${queue.name} triggered by user`);
  return 'ok';
}

function showFunctions(bus: ApBus, queue: ApQueue): Shown {
  const { status, gr2High } = bus.partition.tapq(queue.apqn);
  if (responseCode(status) > AP_RESPONSE_BUSY) return { errno: 'EIO' };
  return `${functionsText(gr2High)}\n`;
}

/** Counts the host's own requests and those it has passed on; `-` for a queue that has neither. */
function requestCountText(bus: ApBus, queue: ApQueue): string {
  const guests = bus.requests.ofGuests(queue.apqn);
  if (!initiated(queue) && guests === undefined) return '-\n';
  return `${Math.max(0, queue.totalRequests + (guests?.sent ?? 0))}\n`;
}

function statesText(queue: ApQueue): string {
  if (!initiated(queue)) return 'UNINITIATED\n';
  return `${queue.state} [${queue.machine.replace('QUEUE_', '')}]\n`;
}

const lastErrorText = (queue: ApQueue): string =>
  `${LAST_ERROR_TEXT[queue.lastErrorRc] ?? `response code ${queue.lastErrorRc}`}\n`;

/** Length from which on a name is refused: a page, less the byte for the end of the line. */
const OVERRIDE_LENGTH = 4095;

/** driver_override: refused while a mask is not all ones. The name ends at the first newline or NUL; an empty name removes the override. */
function* storeDriverOverride(bus: ApBus, queue: ApQueue, text: string): Operation<Outcome> {
  return yield* withLocks([bus.permsLock], () => {
    if (!equals(bus.apmask, fullMask()) || !equals(bus.aqmask, fullMask())) return 'EINVAL';
    if (text.length >= OVERRIDE_LENGTH) return 'EINVAL';
    const [name] = cString(text).split('\n');
    const before = queue.driverOverride !== null;
    queue.driverOverride = name === '' ? null : name;
    bus.overrides += Number(queue.driverOverride !== null) - Number(before);
    return 'ok';
  });
}

/** The files of section 3.4 that the bus itself makes. */
export function queueFiles(bus: ApBus): Attribute<ApQueue>[] {
  return [
    {
      name: 'request_count',
      mode: READ_WRITE,
      show: (q) => requestCountText(bus, q),
      store: (q) => {
        zeroQueueRequests(bus, q);
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
      show: (q) =>
        `${(initiated(q) ? q.pendingCount : 0) + (bus.requests.ofGuests(q.apqn)?.pending ?? 0)}\n`,
    },
    {
      name: 'reset',
      mode: READ_WRITE,
      show: (q) => RESET_TEXT[q.machine] ?? 'No Reset Timer set.\n',
      store: (q) => storeReset(bus, q),
    },
    { name: 'interrupt', mode: READ_ONLY, show: (q) => interruptText(bus, q) },
    { name: 'config', mode: READ_ONLY, show: (q) => (q.config ? '1\n' : '0\n') },
    { name: 'chkstop', mode: READ_ONLY, show: (q) => (q.checkstop ? '1\n' : '0\n') },
    {
      name: 'ap_functions',
      mode: READ_ONLY,
      show: (q) => showFunctions(bus, q),
      when: () => bus.switches.queueFunctionsFile,
    },
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
      show: (q) => keysText(deviceKeys(q)),
      store: (q, text) => storeDeviceUevent(bus, q, text),
    },
  ];
}
