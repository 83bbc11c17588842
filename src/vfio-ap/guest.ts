// SPDX-License-Identifier: Apache-2.0
// Attaches a virtual machine to an mdev, and detaches it.
// Source: docs/reference/vfio-ap.md section 4.6 (vfio_ap_ops.c: vfio_ap_mdev_set_kvm, vfio_ap_mdev_unset_kvm).
import type { Outcome } from '../ap-bus/errno.ts';
import { type Operation, withLocks } from '../ap-bus/operation.ts';
import type { KvmVm } from '../kvm/vm.ts';
import type { MatrixDevice } from './matrix-device.ts';
import type { MatrixMdev } from './mdev.ts';
import { resetQueues } from './reset.ts';
import { VirtualMdev } from './virtual/mdev.ts';

/**
 * vfio_ap_mdev_set_kvm: sets hook, reference and masks. EPERM if the VM has another mdev. For a VM without CRYCB it succeeds and sets
 * nothing.
 */
export function* setKvm(device: MatrixDevice, mdev: MatrixMdev, kvm: KvmVm): Operation<Outcome> {
  if (kvm.crycbd === 0 && !(mdev instanceof VirtualMdev)) return 'ok';
  const early = device.bus.switches.hookBeforeCheck;
  if (early) kvm.setPqapHook(mdev);
  return yield* withLocks(device.updateLocks, (): Outcome => {
    const taken = !early && kvm.getPqapHook() !== null;
    const all = [...device.mdevs, ...device.virtualMdevs];
    if (taken || all.some((other) => other !== mdev && other.kvm === kvm)) return 'EPERM';
    kvm.setPqapHook(mdev);
    mdev.kvm = kvm;
    device.links.guest?.(mdev.number, true);
    if (mdev instanceof VirtualMdev) device.updateVirtual(mdev);
    else device.updateGuest(mdev);
    return 'ok';
  });
}

/** vfio_ap_mdev_unset_kvm: takes hook and masks away, resets all queues of the table, and drops the reference. */
export function* unsetKvm(device: MatrixDevice, mdev: MatrixMdev): Operation<void> {
  const { kvm } = mdev;
  if (kvm === null || (kvm.crycbd === 0 && !(mdev instanceof VirtualMdev))) return;
  if (device.bus.switches.hookBeforeCheck) kvm.setPqapHook(null);
  yield* withLocks(device.updateLocks, function* (): Operation<void> {
    kvm.setPqapHook(null);
    kvm.clearCryptoMasks();
    yield* resetQueues(device, mdev.table.values());
    yield* device.releaseInterrupts(mdev.table.values());
    mdev.kvm = null;
    if (mdev instanceof VirtualMdev) device.virtualQueues.update(mdev);
    device.links.guest?.(mdev.number, false);
  });
}
