// SPDX-License-Identifier: Apache-2.0
// What udev hears of a mediated device: of the mdev itself, its vfio group and its vfio device.
// Source: docs/reference/vfio-ap.md section 3.6 (drivers/vfio: mdev_core.c, group.c, vfio_main.c); recordings in test/golden.
import type { HostJournal } from '../ap-bus/events.ts';
import type { MatrixMdev } from './mdev.ts';

export const MDEV_DRIVER = 'vfio_ap_mdev';
/** Major number of vfio groups: dynamic, the first that kernels give out. */
const VFIO_MAJOR = 254;

/** Numbers of the group and of the vfio device: the lowest that are free, as the mdev's own. */
export const vfioNumber = (mdev: MatrixMdev): number => mdev.number - 1;

/** Name of the vfio device below the mdev's `vfio-dev`. */
export const vfioDeviceName = (mdev: MatrixMdev): string => `vfio${vfioNumber(mdev)}`;

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
  const number = String(vfioNumber(mdev));
  journal.uevent('vfio', action, `/devices/virtual/vfio/${number}`, [
    ['MAJOR', String(VFIO_MAJOR)],
    ['MINOR', number],
    ['DEVNAME', `vfio/${number}`],
  ]);
}

/** The mdev comes, its driver makes group and device, and is bound. */
export function tellCreated(journal: HostJournal, mdev: MatrixMdev): void {
  journal.uevent('mdev', 'add', mdev.path);
  tellVfio(journal, mdev, 'group', 'add');
  tellVfio(journal, mdev, 'device', 'add');
  journal.uevent('mdev', 'bind', mdev.path, [['DRIVER', MDEV_DRIVER]]);
}

/** The events of a device that goes away: those of its creation, from the last to the first. */
export function tellRemoved(journal: HostJournal, mdev: MatrixMdev): void {
  tellVfio(journal, mdev, 'device', 'remove');
  tellVfio(journal, mdev, 'group', 'remove');
  journal.uevent('mdev', 'unbind', mdev.path);
  journal.uevent('mdev', 'remove', mdev.path);
}
