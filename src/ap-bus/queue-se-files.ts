// SPDX-License-Identifier: Apache-2.0
// se_bind and se_associate of a queue. Linux has these files in a secure-execution guest with APSB, for EP11 coprocessors and
// accelerators.
// Source: docs/reference/vfio-ap.md section 3.4 (ap_queue.c: ap_queue_create, ap_q_supports_bind, ap_q_supports_assoc, se_bind_show,
// se_bind_store, se_associate_show, se_associate_store).
import { GR2_A, GR2_BS_MASK, GR2_BS_SHIFT, GR2_X } from '../../native-like/arch/registers.ts';
import {
  AP_RESPONSE_BUSY,
  AP_RESPONSE_NORMAL,
  AP_RESPONSE_STATE_CHANGE_IN_PROGRESS,
} from '../../native-like/arch/response-codes.ts';
import { responseCode } from '../../native-like/arch/status-word.ts';
import { type Attribute, READ_WRITE, type Shown } from './attribute.ts';
import type { ApBus } from './bus.ts';
import type { ApQueue } from './device.ts';
import type { Outcome } from './errno.ts';
import { kstrtobool, kstrtoul } from './number-syntax.ts';
import { tellSecure } from './uevents.ts';

/** Values of TAPQ's bs field: 0 usable, 1 usable without secure keys, 2 available for binding, 3 unusable. */
const BS_BOUND_ASSOCIATED = 0;
const BS_BOUND = 1;
const BS_UNBOUND = 2;
/** Association secrets have indices below this. */
const INVALID_INDEX = 0xffff;
/** States in which the state machine has not settled: those before IDLE. */
const UNSETTLED: readonly ApQueue['machine'][] = ['RESET_START', 'RESET_WAIT', 'SETIRQ_WAIT'];

const supportsBind = ({ card: { info } }: ApQueue): boolean =>
  (info.functions & (GR2_X | GR2_A)) !== 0;
const supportsAssociate = ({ card: { info } }: ApQueue): boolean => (info.functions & GR2_X) !== 0;

/** The bind state by a new TAPQ; undefined if its response code is above `highest`. */
function freshBindState(bus: ApBus, queue: ApQueue, highest: number): number | undefined {
  const { status, gr2High } = bus.partition.tapq(queue.apqn);
  if (responseCode(status) > highest) return undefined;
  queue.seBindState = (gr2High & GR2_BS_MASK) >>> GR2_BS_SHIFT;
  return queue.seBindState;
}

function showBind(bus: ApBus, queue: ApQueue): Shown {
  const state = freshBindState(bus, queue, AP_RESPONSE_BUSY);
  if (state === undefined) return { errno: 'EIO' };
  return state === BS_BOUND_ASSOCIATED || state === BS_BOUND ? 'bound\n' : 'unbound\n';
}

function storeBind(bus: ApBus, queue: ApQueue, text: string): Outcome {
  const parsed = kstrtobool(text);
  if (!parsed.ok) return 'EINVAL';
  if (!parsed.value) {
    bus.queueStates.flush(queue);
    queue.resetWithF = true;
    bus.queueStates.init(queue);
    return 'ok';
  }
  const state = freshBindState(bus, queue, AP_RESPONSE_NORMAL);
  if (state === undefined || bus.partition.bapq === undefined) return 'EIO';
  if (state !== BS_UNBOUND) return 'EINVAL';
  if (UNSETTLED.includes(queue.machine)) return 'EBUSY';
  // Any response code but 00 is an error, even 0A, though the queue may well become bound later.
  if (responseCode(bus.partition.bapq(queue.apqn)) !== AP_RESPONSE_NORMAL) return 'EIO';
  queue.associationIndex = null;
  const after = freshBindState(bus, queue, AP_RESPONSE_NORMAL);
  if (after !== BS_BOUND && after !== BS_BOUND_ASSOCIATED) return 'EIO';
  tellSecure(bus, queue, 'SE_BIND');
  return 'ok';
}

function showAssociate(bus: ApBus, queue: ApQueue): Shown {
  if (!supportsAssociate(queue)) return '-\n';
  const state = freshBindState(bus, queue, AP_RESPONSE_BUSY);
  if (state === undefined) return { errno: 'EIO' };
  if (state === BS_BOUND_ASSOCIATED) {
    return queue.associationIndex === null
      ? { errno: 'EIO' }
      : `associated ${queue.associationIndex}\n`;
  }
  if (state === BS_BOUND && queue.associationIndex !== null) return 'association pending\n';
  return 'unassociated\n';
}

function storeAssociate(bus: ApBus, queue: ApQueue, text: string): Outcome {
  if (!supportsAssociate(queue)) return 'EINVAL';
  const parsed = kstrtoul(text);
  if (!parsed.ok) return parsed.errno;
  if (parsed.value >= INVALID_INDEX) return 'EINVAL';
  const state = freshBindState(bus, queue, AP_RESPONSE_NORMAL);
  if (state === undefined || bus.partition.aapq === undefined) return 'EIO';
  if (state !== BS_BOUND) return 'EINVAL';
  if (queue.machine !== 'IDLE') return 'EBUSY';
  const rc = responseCode(bus.partition.aapq(queue.apqn, parsed.value));
  if (rc !== AP_RESPONSE_NORMAL && rc !== AP_RESPONSE_STATE_CHANGE_IN_PROGRESS) return 'EIO';
  queue.associationIndex = parsed.value;
  bus.queueStates.awaitAssociation(queue);
  return 'ok';
}

/** The two files. Kernels before 6.4 have neither, and a host in a partition has neither. */
export function queueSeFiles(bus: ApBus): Attribute<ApQueue>[] {
  const when = (queue: ApQueue): boolean =>
    bus.switches.busFeaturesFile && bus.isSecureExecutionGuest && supportsBind(queue);
  return [
    {
      name: 'se_bind',
      mode: READ_WRITE,
      show: (q) => showBind(bus, q),
      store: (q, text) => storeBind(bus, q, text),
      when,
    },
    {
      name: 'se_associate',
      mode: READ_WRITE,
      show: (q) => showAssociate(bus, q),
      store: (q, text) => storeAssociate(bus, q, text),
      when,
    },
  ];
}
