// SPDX-License-Identifier: Apache-2.0
// assign_*, unassign_* and the validation of a matrix.
// Source: docs/reference/vfio-ap.md sections 3.7 and 4.1 (vfio_ap_ops.c: assign_adapter_store ... unassign_control_domain_store,
// vfio_ap_mdev_validate_masks, vfio_ap_mdev_verify_no_sharing, vfio_ap_mdev_hot_unplug_adapters).

import { apqnName, apqnOf } from '../ap-bus/apqn.ts';
import type { Outcome } from '../ap-bus/errno.ts';
import { bitsOf, clearBit, intersects, type Mask, setBit, testBit } from '../ap-bus/mask.ts';
import { kstrtoul } from '../ap-bus/number-syntax.ts';
import type { Operation } from '../ap-bus/operation.ts';
import { filterAndUpdate, filterControlDomains } from './filter.ts';
import type { Axis } from './matrix.ts';
import type { MatrixDevice } from './matrix-device.ts';
import type { MatrixMdev, VfioApQueue } from './mdev.ts';
import { resetQueues } from './reset.ts';
import { VirtualMdev } from './virtual/mdev.ts';

/** Number of lines of a no-sharing message after which the rest is left out, so that it does not flood the kernel's log. */
const MAX_SHARING_LINES = 256;

/** The APQNs of one number on its axis with all numbers of the matrix on the other axis. */
function apqnsOf(mdev: MatrixMdev, axis: Axis, n: number): number[] {
  return axis === 'adapter'
    ? bitsOf(mdev.matrix.aqm).map((apqi) => apqnOf(n, apqi))
    : bitsOf(mdev.matrix.apm).map((apid) => apqnOf(apid, n));
}

/** ap_apqn_in_matrix_owned_by_def_drv; or, with older kernels, whether every APQN is bound to vfio_ap. */
function reserved(device: MatrixDevice, apm: Mask, aqm: Mask): boolean {
  const { bus } = device;
  const { strictBound, bindIgnoresMasks } = bus.switches;
  const some = (test: (apqn: number) => boolean): boolean => {
    const apqis = bitsOf(aqm);
    return bitsOf(apm).some((apid) => apqis.some((apqi) => test(apqnOf(apid, apqi))));
  };
  if (!bindIgnoresMasks) {
    if (bus.overrides === 0) {
      if (intersects(apm, bus.apmask) && intersects(aqm, bus.aqmask)) return true;
    } else if (some((apqn) => bus.hostOwnsQueue(apqn))) return true;
  }
  return strictBound && some((apqn) => device.queues[apqn] === undefined);
}

function sharingText(device: MatrixDevice, apqn: number, owner: MatrixMdev): string {
  return device.bus.switches.sharingMessageCorrected
    ? `Userspace may not assign queue ${apqnName(apqn)} to mdev: already assigned to ${owner.uuid}`
    : `Userspace may not re-assign queue ${apqnName(apqn)} already assigned to ${owner.uuid}`;
}

/**
 * The mdevs whose APQNs this mdev may not have. Virtual mdevs may share with each other only; for the host's drivers (null) all mdevs
 * count.
 */
const othersOf = (device: MatrixDevice, mdev: MatrixMdev | null): readonly MatrixMdev[] => {
  if (mdev instanceof VirtualMdev) return device.mdevs;
  return [...device.mdevs.filter((other) => other !== mdev), ...device.virtualMdevs];
};

/**
 * vfio_ap_mdev_verify_no_sharing: EADDRINUSE if the matrix of another mdev has one of the APQNs. `mdev` is null when the bus asks for the
 * host's drivers.
 */
export function verifyNoSharing(
  device: MatrixDevice,
  mdev: MatrixMdev | null,
  apm: Mask,
  aqm: Mask,
): Outcome {
  for (const other of othersOf(device, mdev)) {
    if (!intersects(apm, other.matrix.apm) || !intersects(aqm, other.matrix.aqm)) continue;
    let lines = 0;
    for (const apid of bitsOf(apm)) {
      if (!testBit(other.matrix.apm, apid)) continue;
      for (const apqi of bitsOf(aqm)) {
        if (!testBit(other.matrix.aqm, apqi) || lines++ >= MAX_SHARING_LINES) continue;
        const apqn = apqnOf(apid, apqi);
        const text =
          mdev === null
            ? `vfio_ap_mdev ${other.uuid}: Can not reserve queue ${apqnName(apqn)} for host driver: in use by mdev`
            : `vfio_ap_mdev ${mdev.uuid}: ${sharingText(device, apqn, other)}`;
        device.bus.journal.write('kernel', 'warn', text);
      }
    }
    return 'EADDRINUSE';
  }
  return 'ok';
}

/** vfio_ap_mdev_validate_masks: checks the whole matrix as it would become. */
export function validate(device: MatrixDevice, mdev: MatrixMdev, apm: Mask, aqm: Mask): Outcome {
  if (reserved(device, apm, aqm)) return 'EADDRNOTAVAIL';
  return verifyNoSharing(device, mdev, apm, aqm);
}

/** Links every queue that is bound and has one of these APQNs. */
export function linkAll(device: MatrixDevice, mdev: MatrixMdev, axis: Axis, n: number): void {
  for (const apqn of apqnsOf(mdev, axis, n)) {
    const queue = device.queues[apqn];
    if (queue !== undefined) device.link(mdev, queue);
  }
}

/**
 * vfio_ap_mdev_hot_unplug_adapters and _domains: unlinks the queues, clears the numbers in the shadow, writes the masks once, then
 * zeroizes what the guest could reach. The matrix still has the numbers while queues are looked up.
 */
export function* unplug(
  device: MatrixDevice,
  mdev: MatrixMdev,
  axis: Axis,
  numbers: readonly number[],
): Operation<void> {
  const shadow = axis === 'adapter' ? mdev.shadow.apm : mdev.shadow.aqm;
  const toReset: VfioApQueue[] = [];
  const unlinked: VfioApQueue[] = [];
  let update = false;
  for (const n of numbers) {
    for (const apqn of apqnsOf(mdev, axis, n)) {
      const queue = mdev.table.get(apqn);
      if (queue === undefined) continue;
      if (device.inShadow(mdev, apqn)) toReset.push(queue);
      device.unlink(mdev, queue);
      unlinked.push(queue);
    }
    if (!testBit(shadow, n)) continue;
    clearBit(shadow, n);
    update = true;
  }
  if (update) device.updateGuest(mdev);
  if (toReset.length > 0) yield* resetQueues(device, toReset);
  yield* device.releaseInterrupts(unlinked);
}

const axisMask = (mdev: MatrixMdev, axis: Axis): Mask =>
  axis === 'adapter' ? mdev.matrix.apm : mdev.matrix.aqm;
const axisMax = (mdev: MatrixMdev, axis: Axis): number =>
  axis === 'adapter' ? mdev.limits.apmMax : mdev.limits.aqmMax;

/** S1-21: the v13 profile gives up instead of waiting for a lock. This tells whether it would have to wait. */
export const contended = (device: MatrixDevice): boolean =>
  device.bus.switches.assignTrylock && (device.mdevsLock.held || device.guestsLock.held);

/**
 * Write of assign_adapter or assign_domain: EINVAL, ERANGE, ENODEV, EADDRNOTAVAIL, EADDRINUSE. A number that is assigned already is no
 * error.
 */
export function* assign(
  device: MatrixDevice,
  mdev: MatrixMdev,
  axis: Axis,
  text: string,
): Operation<Outcome> {
  const parsed = kstrtoul(text);
  if (!parsed.ok) return parsed.errno;
  if (contended(device)) return 'EAGAIN';
  const body = function* (): Operation<Outcome> {
    const n = parsed.value;
    if (n > axisMax(mdev, axis)) return 'ENODEV';
    const mask = axisMask(mdev, axis);
    if (testBit(mask, n)) return 'ok';
    setBit(mask, n);
    const outcome = validate(device, mdev, mdev.matrix.apm, mdev.matrix.aqm);
    if (outcome !== 'ok') {
      clearBit(mask, n);
      return outcome;
    }
    linkAll(device, mdev, axis, n);
    if (axis === 'domain' && device.bus.switches.admIncludesUsage) {
      setBit(mdev.matrix.adm, n);
      if (filterControlDomains(device, mdev)) device.updateGuest(mdev);
    }
    yield* filterAndUpdate(device, mdev);
    return 'ok';
  };
  return yield* device.update(mdev, body, [device.bus.permsLock]);
}

/** Write of unassign_adapter or unassign_domain: EINVAL, ERANGE, ENODEV. A number that is not assigned is no error. */
export function* unassign(
  device: MatrixDevice,
  mdev: MatrixMdev,
  axis: Axis,
  text: string,
): Operation<Outcome> {
  const parsed = kstrtoul(text);
  if (!parsed.ok) return parsed.errno;
  return yield* device.update(mdev, function* (): Operation<Outcome> {
    const n = parsed.value;
    if (n > axisMax(mdev, axis)) return 'ENODEV';
    const mask = axisMask(mdev, axis);
    if (!testBit(mask, n)) return 'ok';
    clearBit(mask, n);
    if (axis === 'domain' && device.bus.switches.admIncludesUsage) {
      clearBit(mdev.matrix.adm, n);
      clearBit(mdev.shadow.adm, n);
    }
    yield* unplug(device, mdev, axis, [n]);
    return 'ok';
  });
}

/** Write of assign_control_domain or unassign_control_domain: only the range is checked, since control domains may be shared. */
export function* changeControlDomain(
  device: MatrixDevice,
  mdev: MatrixMdev,
  add: boolean,
  text: string,
): Operation<Outcome> {
  const parsed = kstrtoul(text);
  if (!parsed.ok) return parsed.errno;
  return yield* device.update(mdev, (): Outcome => {
    const n = parsed.value;
    if (n > mdev.limits.admMax) return 'ENODEV';
    if (testBit(mdev.matrix.adm, n) === add) return 'ok';
    if (add) {
      setBit(mdev.matrix.adm, n);
      if (filterControlDomains(device, mdev)) device.updateGuest(mdev);
      return 'ok';
    }
    clearBit(mdev.matrix.adm, n);
    if (testBit(mdev.shadow.adm, n)) {
      clearBit(mdev.shadow.adm, n);
      device.updateGuest(mdev);
    }
    return 'ok';
  });
}
