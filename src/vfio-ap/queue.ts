// SPDX-License-Identifier: Apache-2.0
// Probe and remove of queues by vfio_ap.
// Source: docs/reference/vfio-ap.md section 4.4 (vfio_ap_ops.c: vfio_ap_mdev_probe_queue, vfio_ap_mdev_remove_queue,
// status_show).
import type { ApQueue } from '../ap-bus/device.ts';
import type { Outcome } from '../ap-bus/errno.ts';
import { clearBit, isEmpty, testBit } from '../ap-bus/mask.ts';
import { type Operation, withLocks } from '../ap-bus/operation.ts';
import { filterAndUpdate, resetAdapters } from './filter.ts';
import type { MatrixDevice } from './matrix-device.ts';
import { VfioApQueue } from './mdev.ts';
import { resetQueues } from './reset.ts';

/** Probe of a queue: links it to the mdev that has its APQN, and filters, unless an addition of the host configuration is pending there. */
export function* probeQueue(device: MatrixDevice, apQueue: ApQueue): Operation<Outcome> {
  return yield* withLocks(device.updateLocks, function* (): Operation<Outcome> {
    const queue = new VfioApQueue(apQueue.apqn);
    const mdev = device.mdevOf(queue.apqn);
    if (mdev !== undefined) {
      device.link(mdev, queue);
      // The driver data is set after the filter; nothing reads it in between.
      device.queues[queue.apqn] = queue;
      if (isEmpty(mdev.apmAdd) && isEmpty(mdev.aqmAdd)) yield* filterAndUpdate(device, mdev);
    }
    device.queues[queue.apqn] = queue;
    device.refreshPool();
    return 'ok';
  });
}

/**
 * Remove of a queue: its adapter is taken from the guest; if nothing was taken and the host's configuration still has the queue, it alone
 * is reset.
 */
export function* removeQueue(device: MatrixDevice, apQueue: ApQueue): Operation<void> {
  yield* withLocks(device.updateLocks, function* (): Operation<void> {
    const queue = device.queues[apQueue.apqn];
    if (queue === undefined) return;
    const { mdev } = queue;
    const { apid, apqi } = apQueue;
    if (mdev !== null && device.inShadow(mdev, queue.apqn)) {
      clearBit(mdev.shadow.apm, apid);
      device.updateGuest(mdev);
      yield* resetAdapters(device, mdev, [apid]);
      if (!device.bus.switches.resetsWholeAdapter) yield* resetQueues(device, [queue]);
    } else if (!device.bus.switches.resetsWholeAdapter) {
      yield* resetQueues(device, [queue]); // 6.1 does not look whether the host still has it
    } else if (testBit(device.info.apm, apid) && testBit(device.info.aqm, apqi)) {
      yield* resetQueues(device, [queue]);
    }
    yield* device.releaseInterrupts([queue]);
    if (mdev !== null) device.unlink(mdev, queue);
    device.queues[apQueue.apqn] = undefined;
    device.refreshPool();
  });
}

/** Text of `status` for a queue that virtual mdevs may share. */
function sharedStatus(device: MatrixDevice, { apqn }: ApQueue): string {
  const mdevs = device.virtualMdevsOf(apqn);
  if (mdevs.length === 0) return 'unassigned\n';
  return mdevs.some((mdev) => mdev.kvm !== null) ? 'in use\n' : 'assigned\n';
}

/** Text of `status` for a queue bound to vfio_ap. */
export function statusText(device: MatrixDevice, apQueue: ApQueue): string {
  const mdev = device.mdevOf(apQueue.apqn);
  if (mdev === undefined) return sharedStatus(device, apQueue);
  return mdev.kvm !== null && device.inShadow(mdev, apQueue.apqn) ? 'in use\n' : 'assigned\n';
}
