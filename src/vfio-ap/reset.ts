// SPDX-License-Identifier: Apache-2.0
// Reset of queues, whose end is verified by TAPQ every 20 ms.
// Source: docs/reference/vfio-ap.md section 4.7 (vfio_ap_ops.c: vfio_ap_mdev_reset_queue, apq_reset_check, apq_status_check).

import {
  AP_RESPONSE_ASSOC_FAILED,
  AP_RESPONSE_ASSOC_SECRET_NOT_UNIQUE,
  AP_RESPONSE_BUSY,
  AP_RESPONSE_CHECKSTOPPED,
  AP_RESPONSE_DECONFIGURED,
  AP_RESPONSE_NORMAL,
  AP_RESPONSE_Q_NOT_AVAIL,
  AP_RESPONSE_RESET_IN_PROGRESS,
  AP_RESPONSE_STATE_CHANGE_IN_PROGRESS,
} from '../../native-like/arch/response-codes.ts';
import { responseCode } from '../../native-like/arch/status-word.ts';
import type { Operation } from '../ap-bus/operation.ts';
import { irqEnabled, queueEmpty } from '../ap-bus/queue-status.ts';
import { NS_PER_MS } from '../units.ts';
import type { MatrixDevice } from './matrix-device.ts';
import type { VfioApQueue } from './mdev.ts';

/** AP_RESET_INTERVAL, in nanoseconds. */
const RESET_INTERVAL_NS = 20_000_000;
/** printk_ratelimited: number of lines in an interval. */
const RATE_LIMIT_BURST = 10;

/** Response codes of ZAPQ after which the end of the reset has to be waited for. */
const ZAPQ_POLL: ReadonlySet<number> = new Set([
  AP_RESPONSE_NORMAL,
  AP_RESPONSE_RESET_IN_PROGRESS,
  AP_RESPONSE_BUSY,
  AP_RESPONSE_STATE_CHANGE_IN_PROGRESS,
]);
/** Response codes of ZAPQ after which, once the queue is ready, ZAPQ is repeated. */
const REPEAT_AFTER: ReadonlySet<number> = new Set([
  AP_RESPONSE_RESET_IN_PROGRESS,
  AP_RESPONSE_BUSY,
  AP_RESPONSE_STATE_CHANGE_IN_PROGRESS,
]);

type Check = 'finished' | 'busy' | 'association' | 'unknown';

/** apq_status_check: what the response code of TAPQ says about a reset. */
function classify(rc: number): Check {
  if (
    rc === AP_RESPONSE_NORMAL ||
    rc === AP_RESPONSE_DECONFIGURED ||
    rc === AP_RESPONSE_CHECKSTOPPED
  )
    return 'finished';
  if (rc === AP_RESPONSE_RESET_IN_PROGRESS || rc === AP_RESPONSE_BUSY) return 'busy';
  if (rc === AP_RESPONSE_ASSOC_SECRET_NOT_UNIQUE || rc === AP_RESPONSE_ASSOC_FAILED)
    return 'association';
  return 'unknown';
}

function zapq(device: MatrixDevice, queue: VfioApQueue): number {
  queue.resetStatus = device.bus.partition.zapq(queue.apqn);
  queue.mdev?.notePassable(queue, device.bus.switches.deconfiguredPassable);
  return responseCode(queue.resetStatus);
}

/** vfio_ap_mdev_reset_queue: executes ZAPQ. Returns whether the end of the reset must be waited for. */
function startReset(device: MatrixDevice, queue: VfioApQueue): boolean {
  const rc = zapq(device, queue);
  if (ZAPQ_POLL.has(rc)) return true;
  if (rc === AP_RESPONSE_DECONFIGURED || rc === AP_RESPONSE_CHECKSTOPPED) {
    device.interrupts.freeResources(queue.apqn);
  } else {
    device.bus.journal.write(
      'kernel',
      'WARN',
      `PQAP/ZAPQ for ${queue.name} failed with invalid rc=${rc}`,
    );
  }
  return false;
}

/** Looks once at a queue whose reset was accepted. Returns true while the reset goes on. */
function checkReset(device: MatrixDevice, queue: VfioApQueue, elapsedNs: number): boolean {
  const { status } = device.bus.partition.tapq(queue.apqn);
  const rc = responseCode(status);
  const check = classify(rc);
  if (check === 'unknown') {
    const text = `failed to verify reset of queue ${queue.name}: TAPQ rc=${rc}`;
    device.bus.journal.write('kernel', 'WARN', text);
    return false;
  }
  if (check === 'busy') {
    if (elapsedNs > 0 && elapsedNs <= RATE_LIMIT_BURST * RESET_INTERVAL_NS) {
      const flags = `${queueEmpty(status) ? 1 : 0}, ${irqEnabled(status) ? 1 : 0}`;
      const text = `Waited ${elapsedNs / NS_PER_MS}ms for reset of queue ${queue.name} (${rc}, ${flags})`;
      device.bus.journal.write('kernel', 'notice', text);
    }
    return true;
  }
  if (check === 'association' || REPEAT_AFTER.has(responseCode(queue.resetStatus))) {
    zapq(device, queue);
    return true;
  }
  device.interrupts.freeResources(queue.apqn);
  return false;
}

/** How often Linux 6.1 looks at a queue that it has reset. */
const OLD_LOOKS = 2;
/** Response codes of ZAPQ after which Linux 6.1 gives up and frees what the queue held. */
const OLD_GONE: ReadonlySet<number> = new Set([
  AP_RESPONSE_Q_NOT_AVAIL,
  AP_RESPONSE_DECONFIGURED,
  AP_RESPONSE_CHECKSTOPPED,
]);

/**
 * vfio_ap_mdev_reset_queue of Linux 6.1: repeats ZAPQ once after 02, then looks twice whether the queue is empty and interrupts are off.
 */
function* resetOneOld(device: MatrixDevice, queue: VfioApQueue): Operation<void> {
  const warn = (text: string): void => device.bus.journal.write('kernel', 'WARN', text);
  let rc = zapq(device, queue);
  if (rc === AP_RESPONSE_RESET_IN_PROGRESS) {
    yield { waitNs: RESET_INTERVAL_NS };
    rc = zapq(device, queue);
  }
  if (rc !== AP_RESPONSE_NORMAL && rc !== AP_RESPONSE_RESET_IN_PROGRESS && !OLD_GONE.has(rc)) {
    warn(`PQAP/ZAPQ for ${queue.name} failed with invalid rc=${rc}`);
    return;
  }
  let status = queue.resetStatus;
  let looks = OLD_GONE.has(rc) ? 0 : OLD_LOOKS;
  for (; looks > 0 && !(queueEmpty(status) && !irqEnabled(status)); looks--) {
    yield { waitNs: RESET_INTERVAL_NS };
    ({ status } = device.bus.partition.tapq(queue.apqn));
  }
  // The kernel miscounts its looks, so that it warns even when the second look was good.
  if (looks <= 1 && !OLD_GONE.has(rc))
    device.bus.journal.writeOnce(
      'kernel',
      'WARN',
      'reset',
      `unable to verify reset of queue ${queue.name}`,
    );
  device.interrupts.freeResources(queue.apqn);
}

/**
 * Resets queues in parallel and waits for all of them, without a time limit (VD-09). A queue that is ready at once takes no time. Returns
 * whether every stored result is 00.
 */
export function* resetQueues(
  device: MatrixDevice,
  queues: Iterable<VfioApQueue>,
): Operation<boolean> {
  const all = [...queues];
  const mark = (on: boolean): void => {
    for (const queue of all) device.links.resetting?.(queue.apqn, on);
  };
  mark(true);
  try {
    if (device.bus.switches.resetVerification === 'two-polls') {
      for (const queue of all) yield* resetOneOld(device, queue);
      return all.every((queue) => responseCode(queue.resetStatus) === AP_RESPONSE_NORMAL);
    }
    let pending = all.filter((queue) => startReset(device, queue));
    for (let elapsedNs = 0; pending.length > 0; elapsedNs += RESET_INTERVAL_NS) {
      if (elapsedNs > 0) yield { waitNs: RESET_INTERVAL_NS };
      pending = pending.filter((queue) => checkReset(device, queue, elapsedNs));
    }
  } finally {
    mark(false);
  }
  return all.every((queue) => responseCode(queue.resetStatus) === AP_RESPONSE_NORMAL);
}
