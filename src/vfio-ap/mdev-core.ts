// SPDX-License-Identifier: Apache-2.0
// Life of mediated devices: create, remove, and the wait for the last user.
// Source: docs/reference/vfio-ap.md sections 3.5, 3.6 and 4.6 (drivers/vfio/mdev; vfio_main.c: vfio_unregister_group_dev;
// vfio_ap_ops.c: vfio_ap_mdev_probe, vfio_ap_mdev_remove, vfio_ap_mdev_request).
import type { Outcome } from '../ap-bus/errno.ts';
import { kstrtoul } from '../ap-bus/numbers.ts';
import { type Operation, withLocks } from '../ap-bus/operation.ts';
import { limitsOf } from './matrix.ts';
import { MAX_MDEVS, type MatrixDevice } from './matrix-device.ts';
import { MatrixMdev } from './mdev.ts';
import { resetQueues } from './reset.ts';

const UUID_LENGTH = 36;
const UUID_FORM = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
/** The vfio core asks for the device again after this time. */
export const REQUEST_INTERVAL_NS = 10_000_000_000;
/** How often a removal looks whether the last file was closed. */
const CLOSE_POLL_NS = 10_000_000;
/** A notice with every so many requests. */
const NOTICE_EVERY = 10;

export const availableInstances = (device: MatrixDevice): number => MAX_MDEVS - device.instances;

/** Write to `create`: EINVAL, EEXIST, EUSERS. The 37th byte may be anything, a newline usually. */
export function* createMdev(device: MatrixDevice, text: string): Operation<Outcome> {
  if (text.length < UUID_LENGTH || text.length > UUID_LENGTH + 1) return 'EINVAL';
  const given = text.slice(0, UUID_LENGTH);
  if (!UUID_FORM.test(given)) return 'EINVAL';
  const uuid = given.toLowerCase();
  if (device.byUuid.has(uuid)) return 'EEXIST';
  if (availableInstances(device) <= 0) return 'EUSERS';
  device.instances++;
  const mdev = new MatrixMdev(device.takeNumber(), uuid, limitsOf(device.info));
  device.byUuid.set(uuid, mdev);
  yield* withLocks(device.updateLocks, () => {
    device.mdevs.unshift(mdev);
  });
  device.bus.journal.uevent('mdev', 'add', mdev.path);
  return 'ok';
}

/** Write to `remove`: EINVAL no number; 0 = success without action; EAGAIN already being removed; EBUSY in old kernels. */
export function* storeRemove(
  device: MatrixDevice,
  mdev: MatrixMdev,
  text: string,
): Operation<Outcome> {
  const parsed = kstrtoul(text);
  if (!parsed.ok) return 'EINVAL';
  return parsed.value === 0 ? 'ok' : yield* removeMdev(device, mdev);
}

/** Removes an mdev; sleeps until its last file is closed. */
export function* removeMdev(device: MatrixDevice, mdev: MatrixMdev): Operation<Outcome> {
  if (mdev.removing) return 'EAGAIN';
  if (mdev.opens > 0 && device.bus.switches.removeInUse === 'ebusy') return 'EBUSY';
  mdev.removing = true;
  yield* awaitClose(device, mdev);
  yield* withLocks(device.updateLocks, function* (): Operation<void> {
    yield* resetQueues(device, mdev.table.values());
    yield* device.releaseInterrupts(mdev.table.values());
    for (const queue of [...mdev.table.values()]) device.unlink(mdev, queue);
    device.mdevs.splice(device.mdevs.indexOf(mdev), 1);
  });
  device.byUuid.delete(mdev.uuid);
  device.giveNumber(mdev.number);
  device.instances--;
  device.bus.journal.uevent('mdev', 'remove', mdev.path);
  return 'ok';
}

function* awaitClose(device: MatrixDevice, mdev: MatrixMdev): Operation<void> {
  let requests = 0;
  let sinceRequestNs = 0;
  while (mdev.opens > 0) {
    if (requests === 0 || sinceRequestNs >= REQUEST_INTERVAL_NS) {
      yield* requestDevice(device, mdev, requests++);
      sinceRequestNs = 0;
    }
    if (mdev.opens === 0) return; // the request itself made the user let go
    yield { waitNs: CLOSE_POLL_NS, pending: true };
    sinceRequestNs += CLOSE_POLL_NS;
  }
}

/** vfio_ap_mdev_request: where the kernel has cfg_chg, the guest loses its masks first. */
function* requestDevice(device: MatrixDevice, mdev: MatrixMdev, count: number): Operation<void> {
  if (device.bus.switches.cfgChangeEvent) {
    yield* withLocks(device.updateLocks, () => {
      if (mdev.kvm === null) return;
      mdev.masksWithdrawn = true;
      mdev.kvm.clearCryptoMasks();
      device.signalConfigChange(mdev);
    });
  }
  const log = (text: string): void =>
    device.bus.journal.write('kernel', 'notice', `vfio_ap_mdev ${mdev.uuid}: ${text}`);
  if (mdev.requestTrigger !== null) {
    if (count % NOTICE_EVERY === 0) log(`Relaying device request to user (#${count})`);
    mdev.requestTrigger();
  } else if (count === 0) {
    log('No device request registered, blocked until released by user');
  }
}
