// SPDX-License-Identifier: Apache-2.0
// The life of mediated devices: they are created, removed, and wait for their last user before they go.
// Source: docs/reference/vfio-ap.md sections 3.5, 3.6 and 4.6 (drivers/vfio/mdev; vfio_main.c: vfio_unregister_group_dev;
// vfio_ap_ops.c: vfio_ap_mdev_probe, vfio_ap_mdev_remove, vfio_ap_mdev_request).
import type { Outcome } from '../ap-bus/errno.ts';
import { kstrtoul } from '../ap-bus/number-syntax.ts';
import { type Operation, withLocks } from '../ap-bus/operation.ts';
import { limitsOf } from './matrix.ts';
import { MAX_MDEVS, type MatrixDevice } from './matrix-device.ts';
import { MatrixMdev } from './mdev.ts';
import { tellCreated, tellRemoved } from './mdev-uevents.ts';
import { resetQueues } from './reset.ts';
import { releaseReal } from './virtual/assign.ts';
import { emptyMap } from './virtual/map.ts';
import { VirtualMdev } from './virtual/mdev.ts';

const UUID_LENGTH = 36;
const UUID_FORM = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
/** Nanoseconds after which the vfio core asks for the device again. */
const REQUEST_INTERVAL_NS = 10_000_000_000;
/** Nanoseconds between two looks of a removal whether the last file was closed. */
const CLOSE_POLL_NS = 10_000_000;
/** The log gets a notice with every tenth request. */
const NOTICE_EVERY = 10;

/** The two types of mdevs. */
export type MdevKind = 'passthrough' | 'virtual';

/** How many mdevs of a type can still be made. Mdevs are counted from their creation on. */
export const availableInstances = (device: MatrixDevice, kind: MdevKind = 'passthrough'): number =>
  MAX_MDEVS - (kind === 'virtual' ? device.virtualInstances : device.instances);

/** Write to `create` of the passthrough type: EINVAL, EEXIST, EUSERS; EBUSY while a virtual mdev excludes it (V-02). */
export function* createMdev(device: MatrixDevice, text: string): Operation<Outcome> {
  if (device.bus.switches.virtualMdevs === 'exclusive' && device.virtualInstances > 0)
    return 'EBUSY';
  const uuid = newUuid(device, text, 'passthrough');
  if (!uuid.ok) return uuid.errno;
  device.instances++;
  const mdev = new MatrixMdev(device.takeNumber(), uuid.value, limitsOf(device.info));
  yield* announce(device, mdev, () => device.mdevs.unshift(mdev));
  return 'ok';
}

/** Write to `create` of the virtual type: EINVAL, EEXIST, EUSERS; EBUSY while a passthrough mdev excludes it (V-02). */
export function* createVirtualMdev(device: MatrixDevice, text: string): Operation<Outcome> {
  if (device.bus.switches.virtualMdevs === 'exclusive' && device.instances > 0) return 'EBUSY';
  const uuid = newUuid(device, text, 'virtual');
  if (!uuid.ok) return uuid.errno;
  device.virtualInstances++;
  const mdev = new VirtualMdev(device.takeNumber(), uuid.value, limitsOf(device.info));
  yield* announce(device, mdev, () => device.virtualMdevs.unshift(mdev));
  return 'ok';
}

type NewUuid =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly errno: 'EINVAL' | 'EEXIST' | 'EUSERS' };

/** The UUID in a write to `create`, if an mdev can be made of it. The byte after the UUID can be anything; usually it is a newline. */
function newUuid(device: MatrixDevice, text: string, kind: MdevKind): NewUuid {
  const refused = (errno: 'EINVAL' | 'EEXIST' | 'EUSERS'): NewUuid => ({ ok: false, errno });
  if (text.length < UUID_LENGTH || text.length > UUID_LENGTH + 1) return refused('EINVAL');
  const given = text.slice(0, UUID_LENGTH);
  if (!UUID_FORM.test(given)) return refused('EINVAL');
  const uuid = given.toLowerCase();
  if (device.byUuid.has(uuid)) return refused('EEXIST');
  return availableInstances(device, kind) <= 0 ? refused('EUSERS') : { ok: true, value: uuid };
}

function* announce(device: MatrixDevice, mdev: MatrixMdev, list: () => void): Operation<void> {
  device.byUuid.set(mdev.uuid, mdev);
  yield* withLocks(device.updateLocks, () => list());
  tellCreated(device.bus.journal, mdev);
}

/**
 * Write to `remove`. EINVAL: not a number. 0 succeeds and does nothing. EAGAIN: the mdev is being removed already. EBUSY: in use, in old
 * kernels.
 */
export function* storeRemove(
  device: MatrixDevice,
  mdev: MatrixMdev,
  text: string,
): Operation<Outcome> {
  const parsed = kstrtoul(text);
  if (!parsed.ok) return 'EINVAL';
  return parsed.value === 0 ? 'ok' : yield* removeMdev(device, mdev);
}

/** Removes an mdev. Sleeps until its last file is closed. */
function* removeMdev(device: MatrixDevice, mdev: MatrixMdev): Operation<Outcome> {
  if (mdev.removing) return 'EAGAIN';
  if (mdev.opens > 0 && device.bus.switches.removeInUse === 'ebusy') return 'EBUSY';
  mdev.removing = true;
  yield* awaitClose(device, mdev);
  yield* withLocks(device.updateLocks, function* (): Operation<void> {
    yield* resetQueues(device, mdev.table.values());
    yield* device.releaseInterrupts(mdev.table.values());
    for (const queue of [...mdev.table.values()]) device.unlink(mdev, queue);
    if (mdev instanceof VirtualMdev) yield* removeVirtual(device, mdev);
    else device.mdevs.splice(device.mdevs.indexOf(mdev), 1);
  });
  device.byUuid.delete(mdev.uuid);
  device.giveNumber(mdev.number);
  if (mdev instanceof VirtualMdev) device.virtualInstances--;
  else device.instances--;
  tellRemoved(device.bus.journal, mdev);
  return 'ok';
}

/** Removes a virtual mdev. The real queues behind it are zeroized, except those that another virtual mdev shares. */
function* removeVirtual(device: MatrixDevice, mdev: VirtualMdev): Operation<void> {
  const { apm, aqm } = mdev.matrix;
  device.virtualMdevs.splice(device.virtualMdevs.indexOf(mdev), 1);
  mdev.take(emptyMap());
  device.updateVirtual(mdev);
  yield* releaseReal(device, apm, aqm);
}

function* awaitClose(device: MatrixDevice, mdev: MatrixMdev): Operation<void> {
  let requests = 0;
  let sinceRequestNs = 0;
  while (mdev.opens > 0 || mdev.dataFiles > 0) {
    const { requestsRelease } = device.bus.switches;
    if (requestsRelease && (requests === 0 || sinceRequestNs >= REQUEST_INTERVAL_NS)) {
      yield* requestDevice(device, mdev, requests++);
      sinceRequestNs = 0;
    }
    if (mdev.opens === 0 && mdev.dataFiles === 0) return; // The user has closed the device because of the request.
    yield { waitNs: CLOSE_POLL_NS, pending: true };
    sinceRequestNs += CLOSE_POLL_NS;
  }
}

/** vfio_ap_mdev_request: asks user space to release the device. Kernels with cfg_chg first take the guest's masks away. */
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
