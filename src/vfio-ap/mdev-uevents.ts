// SPDX-License-Identifier: Apache-2.0
// The uevents of a mediated device: those of the mdev itself, of its vfio group and of its vfio device.
// Source: docs/reference/vfio-ap.md section 3.6 (drivers/vfio: mdev_core.c, group.c, vfio_main.c); recordings in test/golden.
import type { HostJournal, Uevent } from '../ap-bus/events.ts';
import type { MatrixMdev } from './mdev.ts';

export const MDEV_DRIVER = 'vfio_ap_mdev';
/** Major number of vfio groups. It is dynamic; this is the first one that kernels give out. */
const VFIO_MAJOR = 254;

/** Number of the vfio group and of the vfio device: like the mdev's own, the lowest that is free. */
export const vfioNumber = (mdev: MatrixMdev): number => mdev.number - 1;

/** Name of the vfio device in the mdev's directory `vfio-dev`. */
export const vfioDeviceName = (mdev: MatrixMdev): string => `vfio${vfioNumber(mdev)}`;

/** Path of the group's device, from the mount point on, and its variables. */
export const vfioGroupPath = (mdev: MatrixMdev): string =>
  `/devices/virtual/vfio/${vfioNumber(mdev)}`;

export const vfioGroupKeys = (mdev: MatrixMdev): Uevent['keys'] => [
  ['MAJOR', String(VFIO_MAJOR)],
  ['MINOR', String(vfioNumber(mdev))],
  ['DEVNAME', `vfio/${vfioNumber(mdev)}`],
];

function tellVfio(
  journal: HostJournal,
  mdev: MatrixMdev,
  what: 'group' | 'device',
  action: 'add' | 'remove',
): void {
  if (what === 'device') {
    journal.uevent('vfio-dev', action, `${mdev.path}/vfio-dev/${vfioDeviceName(mdev)}`);
    return;
  }
  journal.uevent('vfio', action, vfioGroupPath(mdev), vfioGroupKeys(mdev));
}

/** Events of a creation: the mdev appears, its driver makes group and device, and is bound. */
export function tellCreated(journal: HostJournal, mdev: MatrixMdev): void {
  journal.uevent('mdev', 'add', mdev.path);
  tellVfio(journal, mdev, 'group', 'add');
  tellVfio(journal, mdev, 'device', 'add');
  journal.uevent('mdev', 'bind', mdev.path, [['DRIVER', MDEV_DRIVER]]);
}

/** Events of a removal: the reverse of those of the creation. */
export function tellRemoved(journal: HostJournal, mdev: MatrixMdev): void {
  tellVfio(journal, mdev, 'device', 'remove');
  tellVfio(journal, mdev, 'group', 'remove');
  journal.uevent('mdev', 'unbind', mdev.path);
  journal.uevent('mdev', 'remove', mdev.path);
}
