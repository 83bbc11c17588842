// SPDX-License-Identifier: Apache-2.0
// se_bind and se_associate of a queue: secure-execution hosts.
// Source: docs/reference/vfio-ap.md section 3.4 (ap_queue.c: se_bind_show, se_bind_store, se_associate_show, se_associate_store).
import { type Attribute, READ_WRITE, type Shown } from './attribute.ts';
import type { ApBus } from './bus.ts';
import type { ApQueue } from './device.ts';
import type { Outcome } from './errno.ts';
import { kstrtobool, kstrtoul } from './numbers.ts';
import { RC_BUSY, RC_NORMAL, RC_STATE_CHANGE_IN_PROGRESS, responseCode } from './partition.ts';

/** TAPQ bs: 0 usable, 1 usable without secure key, 2 available for binding, 3 unusable. */
const BS_BOUND_ASSOCIATED = 0;
const BS_BOUND = 1;
const BS_UNBOUND = 2;
/** Indices of association secrets end here. */
const INVALID_INDEX = 0xffff;

/** The bind state from a fresh TAPQ, or undefined if the instruction did not tell. */
function freshBindState(bus: ApBus, queue: ApQueue): number | undefined {
  const { status, gr2High } = bus.partition.tapq(queue.apqn);
  if (responseCode(status) > RC_BUSY) return undefined;
  queue.seBindState = (gr2High >>> 14) & 3;
  return queue.seBindState;
}

function showBind(bus: ApBus, queue: ApQueue): Shown {
  if (!bus.hasSeBind) return '-\n';
  const state = freshBindState(bus, queue);
  if (state === undefined) return { errno: 'EIO' };
  return state === BS_BOUND_ASSOCIATED || state === BS_BOUND ? 'bound\n' : 'unbound\n';
}

function storeBind(bus: ApBus, queue: ApQueue, text: string): Outcome {
  if (!bus.hasSeBind) return 'EINVAL';
  const parsed = kstrtobool(text);
  if (!parsed.ok) return 'EINVAL';
  if (!parsed.value) {
    queue.resetWithF = true;
    queue.associationIndex = null;
    bus.queueStates.flush(queue);
    bus.queueStates.reset(queue);
    return 'ok';
  }
  const state = freshBindState(bus, queue);
  if (state === undefined || bus.partition.bapq === undefined) return 'EIO';
  if (state !== BS_UNBOUND) return 'EINVAL';
  if (queue.machine !== 'IDLE') return 'EBUSY';
  const rc = responseCode(bus.partition.bapq(queue.apqn));
  if (rc !== RC_NORMAL && rc !== RC_STATE_CHANGE_IN_PROGRESS) return 'EIO';
  const after = freshBindState(bus, queue);
  return after === BS_BOUND || after === BS_BOUND_ASSOCIATED ? 'ok' : 'EIO';
}

function showAssociate(bus: ApBus, queue: ApQueue): Shown {
  if (!bus.hasSeBind) return '-\n';
  const state = freshBindState(bus, queue);
  if (state === undefined) return { errno: 'EIO' };
  if (state === BS_BOUND_ASSOCIATED && queue.associationIndex !== null) {
    return `associated ${queue.associationIndex}\n`;
  }
  if (state === BS_BOUND && queue.associationIndex !== null) return 'association pending\n';
  return 'unassociated\n';
}

function storeAssociate(bus: ApBus, queue: ApQueue, text: string): Outcome {
  const parsed = kstrtoul(text);
  if (!parsed.ok) return parsed.errno;
  if (!bus.hasSeBind || parsed.value >= INVALID_INDEX) return 'EINVAL';
  const state = freshBindState(bus, queue);
  if (state === undefined || bus.partition.aapq === undefined) return 'EIO';
  if (state !== BS_BOUND) return 'EINVAL';
  if (queue.machine !== 'IDLE') return 'EBUSY';
  const rc = responseCode(bus.partition.aapq(queue.apqn, parsed.value));
  if (rc !== RC_NORMAL && rc !== RC_STATE_CHANGE_IN_PROGRESS) return 'EIO';
  queue.associationIndex = parsed.value;
  bus.queueStates.awaitAssociation(queue);
  return 'ok';
}

/** The two rows; kernels before 6.4 have neither. */
export function queueSeFiles(bus: ApBus): Attribute<ApQueue>[] {
  const when = (): boolean => bus.switches.busFeaturesFile;
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
