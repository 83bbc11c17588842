// SPDX-License-Identifier: Apache-2.0
// Changes of the host's AP configuration: before the bus changes its devices, and after.
// Source: docs/reference/vfio-ap.md section 4.5 (vfio_ap_ops.c: vfio_ap_on_cfg_changed, vfio_ap_mdev_cfg_remove,
// vfio_ap_mdev_hot_unplug_cfg, vfio_ap_filter_apid_by_qtype, vfio_ap_on_scan_complete).
import { TYPE_CEX4 } from '../../native-like/arch/adapter-types.ts';
import {
  AP_RESPONSE_BUSY,
  AP_RESPONSE_CHECKSTOPPED,
  AP_RESPONSE_DECONFIGURED,
  AP_RESPONSE_NORMAL,
  AP_RESPONSE_RESET_IN_PROGRESS,
} from '../../native-like/arch/response-codes.ts';
import { responseCode } from '../../native-like/arch/status-word.ts';
import { apqnOf } from '../ap-bus/apqn.ts';
import type { QciInfo } from '../ap-bus/host-qci.ts';
import {
  and,
  andNot,
  bitsOf,
  clearBit,
  emptyMask,
  equals,
  intersects,
  isEmpty,
  type Mask,
} from '../ap-bus/mask.ts';
import { type Operation, withLocks } from '../ap-bus/operation.ts';
import { filterControlDomains, filterMatrix, resetAdapters } from './filter.ts';
import type { ApMatrix } from './matrix.ts';
import type { MatrixDevice } from './matrix-device.ts';
import type { MatrixMdev } from './mdev.ts';

const TYPE_IS_KNOWN: ReadonlySet<number> = new Set([
  AP_RESPONSE_NORMAL,
  AP_RESPONSE_RESET_IN_PROGRESS,
  AP_RESPONSE_DECONFIGURED,
  AP_RESPONSE_CHECKSTOPPED,
  AP_RESPONSE_BUSY,
]);
const PARTS = ['apm', 'aqm', 'adm'] as const;

/** on_config_changed: removals reach the guests at once, additions wait for the end of the scan. */
export function* onConfigChanged(
  device: MatrixDevice,
  current: QciInfo,
  previous: QciInfo,
): Operation<void> {
  yield* withLocks(device.updateLocks, () => {
    removeFromGuests(device, current, previous);
    noteAdditions(device, current, previous);
    device.info = current;
  });
}

function removeFromGuests(device: MatrixDevice, current: QciInfo, previous: QciInfo): void {
  const gone = {
    apm: andNot(previous.apm, current.apm),
    aqm: andNot(previous.aqm, current.aqm),
    adm: andNot(previous.adm, current.adm),
  };
  if (PARTS.every((part) => isEmpty(gone[part]))) return;
  const { removalFlagSticks, removalReversesControlDomains } = device.bus.switches;
  let hit = false;
  for (const mdev of device.mdevs) {
    const removed: ApMatrix = {
      apm: and(gone.apm, mdev.matrix.apm),
      aqm: and(gone.aqm, mdev.matrix.aqm),
      adm: (removalReversesControlDomains ? andNot : and)(gone.adm, mdev.matrix.adm),
    };
    const hitNow = PARTS.some((part) => !isEmpty(removed[part]));
    hit = hitNow || (removalFlagSticks && hit);
    if (hit) unplugFromShadow(device, mdev, removed);
  }
}

/** vfio_ap_mdev_hot_unplug_cfg. Nothing is reset, since the host cannot reach the queues any more. */
function unplugFromShadow(device: MatrixDevice, mdev: MatrixMdev, removed: ApMatrix): void {
  let update = false;
  for (const part of PARTS) {
    if (isEmpty(removed[part])) continue;
    const left = andNot(mdev.shadow[part], removed[part]);
    const changed = !equals(left, mdev.shadow[part]);
    mdev.shadow[part] = left;
    // Old kernels tested whether something is left instead of whether something has changed, so that removing the last number updates
    // nothing.
    update ||= device.bus.switches.removalOfLastSkipsUpdate ? !isEmpty(left) : changed;
  }
  if (update) device.updateGuest(mdev);
}

function noteAdditions(device: MatrixDevice, current: QciInfo, previous: QciInfo): void {
  const apm = andNot(current.apm, previous.apm);
  const aqm = andNot(current.aqm, previous.aqm);
  const adm = andNot(current.adm, previous.adm);
  if (isEmpty(apm) && isEmpty(aqm) && isEmpty(adm)) return;
  if (device.mdevs.length === 0) return;
  dropUnsupportedAdapters(device, apm, aqm);
  for (const mdev of device.mdevs) {
    mdev.apmAdd = and(mdev.matrix.apm, apm);
    mdev.aqmAdd = and(mdev.matrix.aqm, aqm);
    mdev.admAdd = and(mdev.matrix.adm, adm);
  }
}

/**
 * Takes adapters older than CEX4, or of unknown type, out of the additions. As in the kernel, only queues of added domains are looked at.
 */
function dropUnsupportedAdapters(device: MatrixDevice, apm: Mask, aqm: Mask): void {
  const domains = bitsOf(aqm);
  for (const apid of bitsOf(apm)) {
    for (const apqi of domains) {
      const { status, gr2Low } = device.bus.partition.tapq(apqnOf(apid, apqi));
      if (TYPE_IS_KNOWN.has(responseCode(status)) && gr2Low >>> 24 >= TYPE_CEX4) continue;
      clearBit(apm, apid);
      break;
    }
  }
}

/** on_scan_complete: gives each guest all that was added, in one write. */
export function* onScanComplete(device: MatrixDevice): Operation<void> {
  yield* withLocks(device.updateLocks, function* (): Operation<void> {
    for (const mdev of device.mdevs) {
      if (isEmpty(mdev.apmAdd) && isEmpty(mdev.aqmAdd) && isEmpty(mdev.admAdd)) continue;
      yield* plugAdditions(device, mdev);
      mdev.apmAdd = emptyMask();
      mdev.aqmAdd = emptyMask();
      mdev.admAdd = emptyMask();
    }
  });
}

function* plugAdditions(device: MatrixDevice, mdev: MatrixMdev): Operation<void> {
  const { matrix } = mdev;
  let changed = false;
  let filtered: Mask = emptyMask();
  if (intersects(matrix.apm, mdev.apmAdd) || intersects(matrix.aqm, mdev.aqmAdd)) {
    ({ changed, filtered } = filterMatrix(device, mdev));
  }
  if (intersects(matrix.adm, mdev.admAdd)) {
    changed = filterControlDomains(device, mdev) || changed;
  }
  if (changed) device.updateGuest(mdev);
  yield* resetAdapters(device, mdev, bitsOf(filtered));
}
