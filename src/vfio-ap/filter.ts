// SPDX-License-Identifier: Apache-2.0
// Derives what the guest may use, the shadow APCB, from the matrix.
// Source: docs/reference/vfio-ap.md section 4.3 (vfio_ap_ops.c: vfio_ap_mdev_filter_matrix, vfio_ap_mdev_filter_cdoms,
// reset_queues_for_apids).

import { apqnOf } from '../ap-bus/apqn.ts';
import {
  and,
  bitsOf,
  clearBit,
  emptyMask,
  equals,
  type Mask,
  setBit,
  testBit,
} from '../ap-bus/mask.ts';
import type { Operation } from '../ap-bus/operation.ts';
import type { MatrixDevice } from './matrix-device.ts';
import type { MatrixMdev, VfioApQueue } from './mdev.ts';
import { resetQueues } from './reset.ts';

/** Result of a filter run. */
export interface FilterResult {
  readonly changed: boolean;
  /** Adapters that were in the shadow and are there no longer. */
  readonly filtered: Mask;
}

/**
 * Sets the shadow to matrix AND host configuration, without each adapter that has a queue which is not in the table or not passable.
 * Domains are never filtered because of missing queues.
 */
export function filterMatrix(device: MatrixDevice, mdev: MatrixMdev): FilterResult {
  const apm = and(mdev.matrix.apm, device.info.apm);
  const aqm = and(mdev.matrix.aqm, device.info.aqm);
  const filtered = emptyMask();
  for (const apid of bitsOf(apm)) {
    if (mdev.allPassable(apid, aqm)) continue;
    clearBit(apm, apid);
    if (testBit(mdev.shadow.apm, apid)) setBit(filtered, apid);
  }
  const changed = !equals(apm, mdev.shadow.apm) || !equals(aqm, mdev.shadow.aqm);
  mdev.shadow.apm = apm;
  mdev.shadow.aqm = aqm;
  return { changed, filtered };
}

/** Sets the shadow's control domains, which only the host configuration restricts. Returns whether they changed. */
export function filterControlDomains(device: MatrixDevice, mdev: MatrixMdev): boolean {
  const adm = and(mdev.matrix.adm, device.info.adm);
  const changed = !equals(adm, mdev.shadow.adm);
  mdev.shadow.adm = adm;
  return changed;
}

/** Queues of the table with one of these adapters and a domain that is in the shadow. */
function queuesOfAdapters(mdev: MatrixMdev, apids: Iterable<number>): VfioApQueue[] {
  const domains = bitsOf(mdev.shadow.aqm);
  const queues: VfioApQueue[] = [];
  for (const apid of apids) {
    for (const apqi of domains) {
      const queue = mdev.table.get(apqnOf(apid, apqi));
      if (queue !== undefined) queues.push(queue);
    }
  }
  return queues;
}

/** reset_queues_for_apids. Linux 6.1 does not have it, so nothing is reset there. */
export function* resetAdapters(
  device: MatrixDevice,
  mdev: MatrixMdev,
  apids: Iterable<number>,
): Operation<void> {
  if (!device.bus.switches.resetsWholeAdapter) return;
  const queues = queuesOfAdapters(mdev, apids);
  if (queues.length > 0) yield* resetQueues(device, queues);
}

/** The usual end of a plug: filters, writes the masks once if something changed, and resets what was filtered out. */
export function* filterAndUpdate(device: MatrixDevice, mdev: MatrixMdev): Operation<void> {
  const { changed, filtered } = filterMatrix(device, mdev);
  if (!changed) return;
  device.updateGuest(mdev);
  yield* resetAdapters(device, mdev, bitsOf(filtered));
}
